// Made from the .hbs file beside it by `make templates`. Do not edit.
// @ts-nocheck
/* oxlint-disable */
import runtime from 'handlebars/runtime.js';
export const render: (data: unknown) => string = runtime.template({"0":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<div><dt>"
    + alias3(alias2(alias1(depth0, "name", {"start":{"line":18,"column":11},"end":{"line":18,"column":15}} ), depth0))
    + "</dt><dd>"
    + alias3(alias2(alias1(depth0, "value", {"start":{"line":18,"column":28},"end":{"line":18,"column":33}} ), depth0))
    + "</dd></div>\n";
},"1":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return ((stack1 = lookupProperty(helpers,"with").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"comparison"),{"name":"with","hash":{},"fn":container.program(2, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":24,"column":0},"end":{"line":72,"column":9}}})) != null ? stack1 : "");
},"2":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">What changes</h2>\n<p class=\"summary\"><strong>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "summary", {"start":{"line":27,"column":29},"end":{"line":27,"column":36}} ), depth0))
    + "</strong></p>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias1,lookupProperty(depth0,"dangers"),{"name":"if","hash":{},"fn":container.program(3, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":28,"column":0},"end":{"line":34,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"each").call(alias1,lookupProperty(depth0,"families"),{"name":"each","hash":{},"fn":container.program(5, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":35,"column":0},"end":{"line":70,"column":9}}})) != null ? stack1 : "")
    + "</section>\n";
},"3":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<ul class=\"dangers\" aria-label=\"Dangers\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"dangers"),{"name":"each","hash":{},"fn":container.program(4, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":30,"column":0},"end":{"line":32,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n";
},"4":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<li><span class=\"badge danger\">danger</span> "
    + alias3(alias2(alias1(depth0, "message", {"start":{"line":31,"column":47},"end":{"line":31,"column":54}} ), depth0))
    + " <code>"
    + alias3(alias2(alias1(depth0, "code", {"start":{"line":31,"column":65},"end":{"line":31,"column":69}} ), depth0))
    + "</code></li>\n";
},"5":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<h3>"
    + alias3(alias2(alias1(depth0, "family", {"start":{"line":36,"column":6},"end":{"line":36,"column":12}} ), depth0))
    + " <span class=\"muted\">against "
    + alias3(alias2(alias1(depth0, "source", {"start":{"line":36,"column":45},"end":{"line":36,"column":51}} ), depth0))
    + "</span></h3>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"dangers"),{"name":"if","hash":{},"fn":container.program(6, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":37,"column":0},"end":{"line":43,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"changes"),{"name":"if","hash":{},"fn":container.program(7, data, 0),"inverse":container.program(13, data, 0),"data":data,"loc":{"start":{"line":44,"column":0},"end":{"line":56,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"parts"),{"name":"if","hash":{},"fn":container.program(14, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":57,"column":0},"end":{"line":66,"column":7}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(depth0,"notes"),{"name":"each","hash":{},"fn":container.program(19, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":67,"column":0},"end":{"line":69,"column":9}}})) != null ? stack1 : "");
},"6":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<ul class=\"dangers\" aria-label=\"Dangers, "
    + container.escapeExpression(container.lambda(container.strict(depth0, "family", {"start":{"line":38,"column":43},"end":{"line":38,"column":49}} ), depth0))
    + "\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"dangers"),{"name":"each","hash":{},"fn":container.program(4, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":39,"column":0},"end":{"line":41,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n";
},"7":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<ul class=\"changes\" aria-label=\"Changes for traffic, "
    + container.escapeExpression(container.lambda(container.strict(depth0, "family", {"start":{"line":45,"column":55},"end":{"line":45,"column":61}} ), depth0))
    + "\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"changes"),{"name":"each","hash":{},"fn":container.program(8, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":46,"column":0},"end":{"line":52,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n";
},"8":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<li class=\""
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":47,"column":13},"end":{"line":47,"column":17}} ), depth0))
    + "\"><span class=\"badge "
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":47,"column":42},"end":{"line":47,"column":46}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "word", {"start":{"line":47,"column":52},"end":{"line":47,"column":56}} ), depth0))
    + "</span> "
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"isShown"),{"name":"if","hash":{},"fn":container.program(9, data, 0),"inverse":container.program(10, data, 0),"data":data,"loc":{"start":{"line":47,"column":66},"end":{"line":47,"column":162}}})) != null ? stack1 : "")
    + " "
    + alias3(alias2(alias1(depth0, "text", {"start":{"line":47,"column":165},"end":{"line":47,"column":169}} ), depth0))
    + "\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"details"),{"name":"if","hash":{},"fn":container.program(11, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":48,"column":0},"end":{"line":50,"column":7}}})) != null ? stack1 : "")
    + "</li>\n";
},"9":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<a href=\"#"
    + alias3(alias2(alias1(depth0, "service", {"start":{"line":47,"column":93},"end":{"line":47,"column":100}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "service", {"start":{"line":47,"column":106},"end":{"line":47,"column":113}} ), depth0))
    + "</a>";
},"10":function(container,depth0,helpers,partials,data) {
    return "<strong>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "service", {"start":{"line":47,"column":137},"end":{"line":47,"column":144}} ), depth0))
    + "</strong>";
},"11":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<details><summary>Each kind of client</summary><ul>"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"details"),{"name":"each","hash":{},"fn":container.program(12, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":49,"column":51},"end":{"line":49,"column":94}}})) != null ? stack1 : "")
    + "</ul></details>\n";
},"12":function(container,depth0,helpers,partials,data) {
    return "<li>"
    + container.escapeExpression(container.lambda(depth0, depth0))
    + "</li>";
},"13":function(container,depth0,helpers,partials,data) {
    return "<p>Nothing changes for traffic.</p>\n";
},"14":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<details class=\"rules\"><summary>Rules that differ <span class=\"muted\">"
    + container.escapeExpression(container.lambda(container.strict(depth0, "cost", {"start":{"line":58,"column":72},"end":{"line":58,"column":76}} ), depth0))
    + "</span></summary>\n"
    + ((stack1 = lookupProperty(helpers,"each").call(alias1,lookupProperty(depth0,"parts"),{"name":"each","hash":{},"fn":container.program(15, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":59,"column":0},"end":{"line":63,"column":9}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias1,lookupProperty(depth0,"moreParts"),{"name":"if","hash":{},"fn":container.program(18, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":64,"column":0},"end":{"line":64,"column":72}}})) != null ? stack1 : "")
    + "\n</details>\n";
},"15":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<h4><code>"
    + alias3(alias2(alias1(depth0, "title", {"start":{"line":60,"column":12},"end":{"line":60,"column":17}} ), depth0))
    + "</code> "
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"owner"),{"name":"if","hash":{},"fn":container.program(16, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":60,"column":27},"end":{"line":60,"column":84}}})) != null ? stack1 : "")
    + alias3(alias2(alias1(depth0, "change", {"start":{"line":60,"column":86},"end":{"line":60,"column":92}} ), depth0))
    + " <span class=\"count\">"
    + alias3(alias2(alias1(depth0, "count", {"start":{"line":60,"column":117},"end":{"line":60,"column":122}} ), depth0))
    + "</span></h4>\n<pre class=\"diff\" tabindex=\"0\" role=\"region\" aria-label=\""
    + alias3(alias2(alias1(depth0, "title", {"start":{"line":61,"column":59},"end":{"line":61,"column":64}} ), depth0))
    + "\">"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(depth0,"lines"),{"name":"each","hash":{},"fn":container.program(17, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":61,"column":68},"end":{"line":62,"column":16}}})) != null ? stack1 : "")
    + "</pre>\n";
},"16":function(container,depth0,helpers,partials,data) {
    return "<span class=\"muted\">"
    + container.escapeExpression(container.lambda(container.strict(depth0, "owner", {"start":{"line":60,"column":62},"end":{"line":60,"column":67}} ), depth0))
    + "</span> ";
},"17":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<span class=\""
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":61,"column":98},"end":{"line":61,"column":102}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "text", {"start":{"line":61,"column":108},"end":{"line":61,"column":112}} ), depth0))
    + "\n</span>";
},"18":function(container,depth0,helpers,partials,data) {
    return "<p>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "moreParts", {"start":{"line":64,"column":22},"end":{"line":64,"column":31}} ), depth0))
    + ": plan -o json has them all.</p>";
},"19":function(container,depth0,helpers,partials,data) {
    return "<p class=\"muted\">"
    + container.escapeExpression(container.lambda(depth0, depth0))
    + "</p>\n";
},"20":function(container,depth0,helpers,partials,data) {
    return "<option>"
    + container.escapeExpression(container.lambda(depth0, depth0))
    + "</option>";
},"21":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<label>Change <select id=\"change\"><option value=\"\">all</option><option value=\"any\">any</option>"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(lookupProperty(depth0,"filters"),"changes"),{"name":"each","hash":{},"fn":container.program(20, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":83,"column":95},"end":{"line":83,"column":154}}})) != null ? stack1 : "")
    + "</select></label>\n";
},"22":function(container,depth0,helpers,partials,data) {
    return "<th scope=\"col\">Change</th>";
},"23":function(container,depth0,helpers,partials,data,blockParams,depths) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<tr class=\"service\" data-index=\""
    + alias3(alias2(alias1(depth0, "index", {"start":{"line":93,"column":34},"end":{"line":93,"column":39}} ), depth0))
    + "\" data-key=\""
    + alias3(alias2(alias1(depth0, "key", {"start":{"line":93,"column":55},"end":{"line":93,"column":58}} ), depth0))
    + "\" data-namespace=\""
    + alias3(alias2(alias1(depth0, "namespace", {"start":{"line":93,"column":80},"end":{"line":93,"column":89}} ), depth0))
    + "\" data-clusters=\""
    + alias3(alias2(alias1(depth0, "clusterLines", {"start":{"line":93,"column":110},"end":{"line":93,"column":122}} ), depth0))
    + "\" data-state=\""
    + alias3(alias2(alias1(depth0, "state", {"start":{"line":93,"column":140},"end":{"line":93,"column":145}} ), depth0))
    + "\" data-worst=\""
    + alias3(alias2(alias1(depth0, "worst", {"start":{"line":93,"column":163},"end":{"line":93,"column":168}} ), depth0))
    + "\" data-change=\""
    + alias3(alias2(alias1(depth0, "change", {"start":{"line":93,"column":187},"end":{"line":93,"column":193}} ), depth0))
    + "\" data-search=\""
    + alias3(alias2(alias1(depth0, "search", {"start":{"line":93,"column":212},"end":{"line":93,"column":218}} ), depth0))
    + "\"><th scope=\"row\"><button type=\"button\" aria-expanded=\"false\">"
    + alias3(alias2(alias1(depth0, "key", {"start":{"line":93,"column":284},"end":{"line":93,"column":287}} ), depth0))
    + "</button></th><td><span class=\"state "
    + alias3(alias2(alias1(depth0, "mark", {"start":{"line":93,"column":328},"end":{"line":93,"column":332}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "state", {"start":{"line":93,"column":338},"end":{"line":93,"column":343}} ), depth0))
    + "</span></td>"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depths[1],"comparison"),{"name":"if","hash":{},"fn":container.program(24, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":93,"column":357},"end":{"line":93,"column":467}}})) != null ? stack1 : "")
    + "<td class=\"wide number\">"
    + alias3(alias2(alias1(depth0, "endpoints", {"start":{"line":93,"column":493},"end":{"line":93,"column":502}} ), depth0))
    + "</td><td class=\"wide\">"
    + alias3(alias2(alias1(depth0, "clusterText", {"start":{"line":93,"column":528},"end":{"line":93,"column":539}} ), depth0))
    + "</td><td class=\"wide address\">"
    + alias3(alias2(alias1(depth0, "addresses", {"start":{"line":93,"column":573},"end":{"line":93,"column":582}} ), depth0))
    + "</td><td>"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"diagnostics"),{"name":"if","hash":{},"fn":container.program(26, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":93,"column":593},"end":{"line":93,"column":671}}})) != null ? stack1 : "")
    + "</td></tr>\n";
},"24":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<td>"
    + ((stack1 = lookupProperty(helpers,"if").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"change"),{"name":"if","hash":{},"fn":container.program(25, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":93,"column":382},"end":{"line":93,"column":455}}})) != null ? stack1 : "")
    + "</td>";
},"25":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<span class=\"badge "
    + alias3(alias2(alias1(depth0, "changeMark", {"start":{"line":93,"column":417},"end":{"line":93,"column":427}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "change", {"start":{"line":93,"column":433},"end":{"line":93,"column":439}} ), depth0))
    + "</span>";
},"26":function(container,depth0,helpers,partials,data) {
    var alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression;

  return "<span class=\"badge "
    + alias3(alias2(alias1(depth0, "worst", {"start":{"line":93,"column":633},"end":{"line":93,"column":638}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "diagnostics", {"start":{"line":93,"column":644},"end":{"line":93,"column":655}} ), depth0))
    + "</span>";
},"27":function(container,depth0,helpers,partials,data) {
    return "<p>No Service is served here.</p>";
},"28":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<section aria-labelledby=\"general\">\n<h2 id=\"general\">Diagnostics of the rest</h2>\n<ul class=\"diagnostics\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"general"),{"name":"each","hash":{},"fn":container.program(29, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":104,"column":0},"end":{"line":106,"column":9}}})) != null ? stack1 : "")
    + "</ul>\n</section>\n";
},"29":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<li><span class=\"badge "
    + alias3(alias2(alias1(depth0, "severity", {"start":{"line":105,"column":25},"end":{"line":105,"column":33}} ), depth0))
    + "\">"
    + alias3(alias2(alias1(depth0, "severity", {"start":{"line":105,"column":39},"end":{"line":105,"column":47}} ), depth0))
    + "</span> <strong>"
    + alias3(alias2(alias1(depth0, "object", {"start":{"line":105,"column":67},"end":{"line":105,"column":73}} ), depth0))
    + "</strong> "
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"field"),{"name":"if","hash":{},"fn":container.program(30, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":105,"column":85},"end":{"line":105,"column":128}}})) != null ? stack1 : "")
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"place"),{"name":"if","hash":{},"fn":container.program(31, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":105,"column":128},"end":{"line":105,"column":185}}})) != null ? stack1 : "")
    + alias3(alias2(alias1(depth0, "message", {"start":{"line":105,"column":187},"end":{"line":105,"column":194}} ), depth0))
    + " <code class=\"muted\">"
    + alias3(alias2(alias1(depth0, "code", {"start":{"line":105,"column":219},"end":{"line":105,"column":223}} ), depth0))
    + "</code></li>\n";
},"30":function(container,depth0,helpers,partials,data) {
    return "<code>"
    + container.escapeExpression(container.lambda(container.strict(depth0, "field", {"start":{"line":105,"column":106},"end":{"line":105,"column":111}} ), depth0))
    + "</code> ";
},"31":function(container,depth0,helpers,partials,data) {
    return "<span class=\"muted\">"
    + container.escapeExpression(container.lambda(container.strict(depth0, "place", {"start":{"line":105,"column":163},"end":{"line":105,"column":168}} ), depth0))
    + "</span> ";
},"compiler":[8,">= 4.3.0"],"main":function(container,depth0,helpers,partials,data,blockParams,depths) {
    var stack1, alias1=container.strict, alias2=container.lambda, alias3=container.escapeExpression, alias4=depth0 != null ? depth0 : (container.nullContext || {}), lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\""
    + alias3(alias2(alias1(depth0, "policy", {"start":{"line":5,"column":54},"end":{"line":5,"column":60}} ), depth0))
    + "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>"
    + alias3(alias2(alias1(depth0, "title", {"start":{"line":9,"column":9},"end":{"line":9,"column":14}} ), depth0))
    + "</title>\n<style>"
    + ((stack1 = alias2(alias1(depth0, "style", {"start":{"line":10,"column":10},"end":{"line":10,"column":15}} ), depth0)) != null ? stack1 : "")
    + "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#services\">Skip to the Services</a>\n<header>\n<h1>"
    + alias3(alias2(alias1(depth0, "title", {"start":{"line":15,"column":6},"end":{"line":15,"column":11}} ), depth0))
    + "</h1>\n<dl class=\"facts\">\n"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(depth0,"facts"),{"name":"each","hash":{},"fn":container.program(0, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":17,"column":0},"end":{"line":19,"column":9}}})) != null ? stack1 : "")
    + "</dl>\n</header>\n<main>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"comparison"),{"name":"if","hash":{},"fn":container.program(1, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":23,"column":0},"end":{"line":73,"column":7}}})) != null ? stack1 : "")
    + "<section aria-labelledby=\"services\">\n<h2 id=\"services\" tabindex=\"-1\">Services</h2>\n<form role=\"search\" class=\"tools\" aria-label=\"Services\">\n<label class=\"search\">Search <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"name, address, port\" aria-describedby=\"keys\"></label>\n<label>Namespace <select id=\"namespace\"><option value=\"\">all</option>"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(lookupProperty(depth0,"filters"),"namespaces"),{"name":"each","hash":{},"fn":container.program(20, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":78,"column":69},"end":{"line":78,"column":131}}})) != null ? stack1 : "")
    + "</select></label>\n<label>Cluster <select id=\"cluster\"><option value=\"\">all</option>"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(lookupProperty(depth0,"filters"),"clusters"),{"name":"each","hash":{},"fn":container.program(20, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":79,"column":65},"end":{"line":79,"column":125}}})) != null ? stack1 : "")
    + "</select></label>\n<label>State <select id=\"state\"><option value=\"\">all</option>"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(lookupProperty(depth0,"filters"),"states"),{"name":"each","hash":{},"fn":container.program(20, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":80,"column":61},"end":{"line":80,"column":119}}})) != null ? stack1 : "")
    + "</select></label>\n<label>Diagnostics <select id=\"diagnostics\"><option value=\"\">all</option><option value=\"any\">any</option><option value=\"worrying\">warnings and errors</option><option value=\"error\">errors</option></select></label>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(lookupProperty(depth0,"filters"),"changes"),{"name":"if","hash":{},"fn":container.program(21, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":82,"column":0},"end":{"line":84,"column":7}}})) != null ? stack1 : "")
    + "<button type=\"button\" id=\"clear\">Clear</button>\n</form>\n<p class=\"line\"><output id=\"shown\" role=\"status\">"
    + alias3(alias2(alias1(lookupProperty(depth0,"services"), "length", {"start":{"line":87,"column":51},"end":{"line":87,"column":66}} ), depth0))
    + " Services</output> <span id=\"keys\" class=\"muted\">Keys: <kbd>/</kbd> search, <kbd>↑</kbd> <kbd>↓</kbd> from Service to Service, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> clears.</span></p>\n<noscript><p>Search, filters and details need scripts, which this browser does not run.</p></noscript>\n<table>\n<thead><tr><th scope=\"col\">Service</th><th scope=\"col\">State</th>"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"comparison"),{"name":"if","hash":{},"fn":container.program(22, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":90,"column":65},"end":{"line":90,"column":117}}})) != null ? stack1 : "")
    + "<th scope=\"col\" class=\"wide\">Endpoints</th><th scope=\"col\" class=\"wide\">Clusters</th><th scope=\"col\" class=\"wide\">Addresses</th><th scope=\"col\">Diagnostics</th></tr></thead>\n<tbody>\n"
    + ((stack1 = lookupProperty(helpers,"each").call(alias4,lookupProperty(depth0,"services"),{"name":"each","hash":{},"fn":container.program(23, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":92,"column":0},"end":{"line":94,"column":9}}})) != null ? stack1 : "")
    + "</tbody>\n</table>\n<p id=\"none\" hidden>No Service is like that.</p>\n"
    + ((stack1 = lookupProperty(helpers,"unless").call(alias4,lookupProperty(depth0,"services"),{"name":"unless","hash":{},"fn":container.program(27, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":98,"column":0},"end":{"line":98,"column":64}}})) != null ? stack1 : "")
    + "\n</section>\n"
    + ((stack1 = lookupProperty(helpers,"if").call(alias4,lookupProperty(depth0,"general"),{"name":"if","hash":{},"fn":container.program(28, data, 0, blockParams, depths),"inverse":container.noop,"data":data,"loc":{"start":{"line":100,"column":0},"end":{"line":109,"column":7}}})) != null ? stack1 : "")
    + "</main>\n<footer>"
    + alias3(alias2(alias1(depth0, "footer", {"start":{"line":111,"column":10},"end":{"line":111,"column":16}} ), depth0))
    + "</footer>\n\u003Cscript>"
    + ((stack1 = alias2(alias1(depth0, "script", {"start":{"line":112,"column":11},"end":{"line":112,"column":17}} ), depth0)) != null ? stack1 : "")
    + "\u003C/script>\n"
    + ((stack1 = alias2(alias1(depth0, "details", {"start":{"line":113,"column":3},"end":{"line":113,"column":10}} ), depth0)) != null ? stack1 : "")
    + "\n</body>\n</html>\n";
},"useData":true,"useDepths":true});
