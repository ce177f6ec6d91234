// Made from the .hbs file beside it by `make templates`. Do not edit.
// @ts-nocheck
/* oxlint-disable */
import runtime from 'handlebars/runtime.js';
export const render: (data: unknown) => string = runtime.template({"0":function(container,depth0,helpers,partials,data) {
    var stack1, alias1=container.strict, alias2=container.lambda;

  return "*"
    + ((stack1 = alias2(alias1(depth0, "name", {"start":{"line":2,"column":3},"end":{"line":2,"column":7}} ), depth0)) != null ? stack1 : "")
    + "\n"
    + ((stack1 = alias2(alias1(depth0, "declarations", {"start":{"line":3,"column":2},"end":{"line":3,"column":14}} ), depth0)) != null ? stack1 : "")
    + ((stack1 = alias2(alias1(depth0, "rules", {"start":{"line":3,"column":18},"end":{"line":3,"column":23}} ), depth0)) != null ? stack1 : "")
    + "COMMIT\n";
},"compiler":[8,">= 4.3.0"],"main":function(container,depth0,helpers,partials,data) {
    var stack1, lookupProperty = container.lookupProperty || function(parent, propertyName) {
        if (Object.prototype.hasOwnProperty.call(parent, propertyName)) {
          return parent[propertyName];
        }
        return undefined
    };

  return ((stack1 = lookupProperty(helpers,"each").call(depth0 != null ? depth0 : (container.nullContext || {}),lookupProperty(depth0,"tables"),{"name":"each","hash":{},"fn":container.program(0, data, 0),"inverse":container.noop,"data":data,"loc":{"start":{"line":1,"column":0},"end":{"line":4,"column":9}}})) != null ? stack1 : "");
},"useData":true});
