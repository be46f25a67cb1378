// Elements of the page and of its pictures.

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return node;
}

// h makes an element of HTML, s one of SVG.
export const h = (name, attributes = {}, ...children) => make(document.createElement(name), attributes, children);
export const s = (name, attributes = {}, ...children) => make(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

export const $ = (id) => document.getElementById(id);
