"""The script of the page, as text: sorts and filters the list. Contains no data, and puts none into the page."""

from __future__ import annotations

SCRIPT = """
(() => {
  const root = document.documentElement, list = document.getElementById("list"), items = [...list.children];
  const text = document.getElementById("q"), verdict = document.getElementById("v"), shown = document.getElementById("n");
  const words = items.map(item => item.firstElementChild.textContent.toLowerCase());
  root.classList.add("js");
  const filter = () => {
    const wanted = text.value.toLowerCase().trim();
    let count = 0;
    items.forEach((item, at) => {
      const fits = (!verdict.value || item.dataset.v === verdict.value) && words[at].includes(wanted);
      item.hidden = !fits;
      count += fits;
    });
    shown.textContent = count + " of " + items.length;
  };
  const heads = [...document.querySelectorAll(".head button")];
  const value = (item, key) => item.dataset[key] === "" ? null : Number(item.dataset[key]);
  const sort = head => {
    const key = head.dataset.k, way = head.dataset.d ? -Number(head.dataset.d) : key === "s" ? -1 : 1;
    heads.forEach(other => delete other.dataset.d);
    head.dataset.d = way;
    const order = items.map((item, at) => [at, key === "n" ? at : value(item, key)]);
    order.sort((a, b) => (a[1] === null) - (b[1] === null) || way * (a[1] - b[1]) || a[0] - b[0]);
    list.append(...order.map(pair => items[pair[0]]));
  };
  text.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  heads.forEach(head => head.addEventListener("click", () => sort(head)));
  document.querySelectorAll(".chips button").forEach(chip => chip.addEventListener("click", () => {
    verdict.value = verdict.value === chip.dataset.v ? "" : chip.dataset.v;
    filter();
  }));
  filter();
})();
"""
