// Made from the .hbs file beside it by `make templates`. Do not edit.
// @ts-nocheck
/* oxlint-disable */
import runtime from 'handlebars/runtime.js';
export const render: (data: unknown) => string = runtime.template({"0":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<h3>What changes</h3>\n<ul class=\"changes\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"changes"),{"name":"each","hash":{},"fn":container.program(1, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":5,"column":0},"end":{"line":11,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n";
},"1":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<li class=\""
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":6,"column":13},"end":{"line":6,"column":17}} ), depth0))
    + "\"><span class=\"badge "
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":6,"column":42},"end":{"line":6,"column":46}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "word", {"start":{"line":6,"column":52},"end":{"line":6,"column":56}} ), depth0))
    + "</span> <span class=\"muted\">"
    + alias3(alias2(alias1(depth0, "family", {"start":{"line":6,"column":88},"end":{"line":6,"column":94}} ), depth0))
    + "</span> "
    + alias3(alias2(alias1(depth0, "text", {"start":{"line":6,"column":106},"end":{"line":6,"column":110}} ), depth0))
    + "\n"
    + ((stack1 = lookupProperty(helpers,"if").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"details"),{"name":"if","hash":{},"fn":container.program(2, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":7,"column":0},"end":{"line":9,"column":7}}})) != null ? stack1 : "")
    + "</li>\n";
},"2":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<details><summary>Each kind of client</summary><ul>"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"details"),{"name":"each","hash":{},"fn":container.program(3, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":8,"column":51},"end":{"line":8,"column":94}}})) != null ? stack1 : "")
    + "</ul></details>\n";
},"3":function(container,depth0,helpers,partials,data) {
    return "<li>"
    + container.escapeExpression(container.lambda(depth0, depth0))
    + "</li>";
},"4":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<h3>Diagnostics</h3>\n<ul class=\"diagnostics\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"diagnostics"),{"name":"each","hash":{},"fn":container.program(5, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":17,"column":0},"end":{"line":19,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n";
},"5":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<li><span class=\"badge "
    + alias3(alias2(alias1(depth0, "severity", {"start":{"line":18,"column":25},"end":{"line":18,"column":33}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "severity", {"start":{"line":18,"column":39},"end":{"line":18,"column":47}} ), depth0))
    + "</span> <strong>"
    + alias3(alias2(alias1(depth0, "object", {"start":{"line":18,"column":67},"end":{"line":18,"column":73}} ), depth0))
    + "</strong> "
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"field"),{"name":"if","hash":{},"fn":container.program(6, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":18,"column":85},"end":{"line":18,"column":128}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"place"),{"name":"if","hash":{},"fn":container.program(7, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":18,"column":128},"end":{"line":18,"column":185}}})) != null ? stack1 : "")
    + alias3(alias2(alias1(depth0, "message", {"start":{"line":18,"column":187},"end":{"line":18,"column":194}} ), depth0))
    + " <code class=\"muted\">"
    + alias3(alias2(alias1(depth0, "code", {"start":{"line":18,"column":219},"end":{"line":18,"column":223}} ), depth0))
    + "</code></li>\n";
},"6":function(container,depth0,helpers,partials,data) {
    return "<code>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "field", {"start":{"line":18,"column":106},"end":{"line":18,"column":111}} ), depth0))
    + "</code> ";
},"7":function(container,depth0,helpers,partials,data) {
    return "<span class=\"muted\">"
    + container.escapeExpression(container.lambda(container.strict(depth0, "place", {"start":{"line":18,"column":163},"end":{"line":18,"column":168}} ), depth0))
    + "</span> ";
},"8":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<section aria-label=\""
    + alias3(alias2(alias1(depth0, "id", {"start":{"line":23,"column":23},"end":{"line":23,"column":25}} ), depth0))
    + "\">\n<h3>"
    + alias3(alias2(alias1(depth0, "id", {"start":{"line":24,"column":6},"end":{"line":24,"column":8}} ), depth0))
    + "</h3>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"body"),{"name":"if","hash":{},"fn":container.program(9, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":25,"column":0},"end":{"line":27,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"endpoints"),{"name":"if","hash":{},"fn":container.program(10, data, 0),"inverse":container.program(13, data, 0),"data":data,"loc":{"start":{"line":28,"column":0},"end":{"line":37,"column":7}}})) != null ? stack1 : "")
    + "<details class=\"rules\"><summary>Rules</summary>\n<pre tabindex=\"0\" role=\"region\" aria-label=\"Rules of "
    + alias3(alias2(alias1(depth0, "id", {"start":{"line":39,"column":55},"end":{"line":39,"column":57}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "rules", {"start":{"line":39,"column":63},"end":{"line":39,"column":68}} ), depth0))
    + "</pre>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"moreLines"),{"name":"if","hash":{},"fn":container.program(14, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":40,"column":0},"end":{"line":40,"column":81}}})) != null ? stack1 : "")
    + "\n</details>\n</section>\n";
},"9":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<div class=\"graph\" tabindex=\"0\" role=\"region\" aria-label=\"Graph of "
    + alias3(alias2(alias1(depth0, "id", {"start":{"line":26,"column":69},"end":{"line":26,"column":71}} ), depth0))
    + "\"><svg role=\"img\" aria-label=\"The way of traffic through "
    + alias3(alias2(alias1(depth0, "id", {"start":{"line":26,"column":132},"end":{"line":26,"column":134}} ), depth0))
    + ", which the table below says in words\" width=\""
    + alias3(alias2(alias1(depth0, "width", {"start":{"line":26,"column":184},"end":{"line":26,"column":189}} ), depth0))
    + "\" height=\""
    + alias3(alias2(alias1(depth0, "height", {"start":{"line":26,"column":203},"end":{"line":26,"column":209}} ), depth0))
    + "\" viewBox=\""
    + alias3(alias2(alias1(depth0, "viewBox", {"start":{"line":26,"column":224},"end":{"line":26,"column":231}} ), depth0))
    + "\">"
    + ((stack1 = alias2(alias1(depth0, "body", {"start":{"line":26,"column":238},"end":{"line":26,"column":242}} ), depth0)) != null ? stack1 : "")
    + "</svg></div>\n";
},"10":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Endpoints of "
    + container.escapeExpression(container.lambda(container.strict(depth0, "id", {"start":{"line":29,"column":74},"end":{"line":29,"column":76}} ), depth0))
    + "\"><table class=\"endpoints\"><caption>Endpoints</caption><thead><tr><th scope=\"col\">Endpoint</th><th scope=\"col\">Share</th><th scope=\"col\">State</th><th scope=\"col\">Cluster</th><th scope=\"col\">Slice</th><th scope=\"col\">Why</th></tr></thead><tbody>\n"
    + ((stack1 = lookupProperty(helpers,"each").call(alias1,lookupProperty(depth0,"endpoints"),{"name":"each","hash":{},"fn":container.program(11, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":30,"column":0},"end":{"line":32,"column":9}}})) != null ? stack1 : "")
    + "</tbody></table></div>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias1,lookupProperty(depth0,"moreEndpoints"),{"name":"if","hash":{},"fn":container.program(12, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":34,"column":0},"end":{"line":34,"column":98}}})) != null ? stack1 : "")
    + "\n";
},"11":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<tr><th scope=\"row\">"
    + alias3(alias2(alias1(depth0, "place", {"start":{"line":31,"column":22},"end":{"line":31,"column":27}} ), depth0))
    + "</th><td class=\"number\">"
    + alias3(alias2(alias1(depth0, "share", {"start":{"line":31,"column":55},"end":{"line":31,"column":60}} ), depth0))
    + "</td><td>"
    + alias3(alias2(alias1(depth0, "state", {"start":{"line":31,"column":73},"end":{"line":31,"column":78}} ), depth0))
    + "</td><td>"
    + alias3(alias2(alias1(depth0, "cluster", {"start":{"line":31,"column":91},"end":{"line":31,"column":98}} ), depth0))
    + "</td><td>"
    + alias3(alias2(alias1(depth0, "slice", {"start":{"line":31,"column":111},"end":{"line":31,"column":116}} ), depth0))
    + "</td><td class=\"why\">"
    + alias3(alias2(alias1(depth0, "why", {"start":{"line":31,"column":141},"end":{"line":31,"column":144}} ), depth0))
    + "</td></tr>\n";
},"12":function(container,depth0,helpers,partials,data) {
    return "<p>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "moreEndpoints", {"start":{"line":34,"column":26},"end":{"line":34,"column":39}} ), depth0))
    + " more endpoints: explain service has them all.</p>";
},"13":function(container,depth0,helpers,partials,data) {
    return "<p>No endpoint is known.</p>\n";
},"14":function(container,depth0,helpers,partials,data) {
    return "<p>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "moreLines", {"start":{"line":40,"column":22},"end":{"line":40,"column":31}} ), depth0))
    + " more lines: compile prints them all.</p>";
},"15":function(container,depth0,helpers,partials,data) {
    return "<p>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "leftOut", {"start":{"line":44,"column":20},"end":{"line":44,"column":27}} ), depth0))
    + "</p>";
},"compiler":[8,">= 4.3.0"],"main":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<template id=\"t"
    + alias3(alias2(alias1(depth0, "index", {"start":{"line":1,"column":17},"end":{"line":1,"column":22}} ), depth0))
    + "\"><tr class=\"details\"><td colspan=\""
    + alias3(alias2(alias1(depth0, "columns", {"start":{"line":1,"column":61},"end":{"line":1,"column":68}} ), depth0))
    + "\">\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"changes"),{"name":"if","hash":{},"fn":container.program(0, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":2,"column":0},"end":{"line":13,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"diagnostics"),{"name":"if","hash":{},"fn":container.program(4, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":14,"column":0},"end":{"line":21,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(depth0,"ports"),{"name":"each","hash":{},"fn":container.program(8, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":22,"column":0},"end":{"line":43,"column":9}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"leftOut"),{"name":"if","hash":{},"fn":container.program(15, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":44,"column":0},"end":{"line":44,"column":40}}})) != null ? stack1 : "")
    + "\n</td></tr></template>\n";
},"useData":true});
