"use strict";
// Shows the tools in which every word of the search begins a word, names first; the search stands in the address.

const wordsOf = (text) => text.toLowerCase().split(/[\s_.,;:|()`"'{}[\]<>/]+/).filter(Boolean);
const query = document.getElementById("query");
const found = document.getElementById("found");
const tools = Array.from(document.querySelectorAll("details"), (element) => ({
  element,
  name: wordsOf(element.id),
  words: new Set(wordsOf(element.textContent)),
}));

function search() {
  const asked = wordsOf(query.value);
  const begins = (words, start) => words.some((word) => word.startsWith(start));
  const rank = (tool) => asked.filter((start) => begins(tool.name, start)).length;
  const hits = tools.filter((tool) => asked.every((start) => begins([...tool.words], start)));
  tools.forEach((tool) => { tool.element.hidden = !hits.includes(tool); });
  const ranked = tools.map((tool) => [rank(tool), tool]).sort(([one], [other]) => other - one);
  ranked.forEach(([, tool]) => found.parentElement.append(tool.element));
  found.textContent = hits.length === 1 ? "1 tool" : `${hits.length} tools`;
}

function keep() {
  const address = new URL(location.href);
  if (query.value) { address.searchParams.set("q", query.value); } else { address.searchParams.delete("q"); }
  history.replaceState(null, "", address);
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

query.addEventListener("input", () => { search(); keep(); });
window.addEventListener("hashchange", openNamed);
query.value = new URL(location.href).searchParams.get("q") || "";
search();
openNamed();
