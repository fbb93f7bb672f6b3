"use strict";
// The filter of the cases, and links that open what they point at. Everything else works without.
(() => {
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const cases = [...document.querySelectorAll("details.case")];
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const texts = cases.map((one) => (one.querySelector("summary").textContent + " " +
    [...one.querySelectorAll(".places a")].map((a) => a.textContent).join(" ")).toLowerCase());
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    cases.forEach((one, i) => {
      one.hidden = !wanted.has(one.dataset.outcome) || !words.every((word) => texts[i].includes(word));
      shown += one.hidden ? 0 : 1;
    });
    count.textContent = shown + " of " + cases.length + " cases";
  };
  const follow = () => {
    const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!found) return;
    found.hidden = false;
    for (let one = found; one; one = one.parentElement) if (one.matches("details")) one.open = true;
    found.scrollIntoView();
    if (found.matches("details")) found.querySelector("summary").focus({ preventScroll: true });
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });
  addEventListener("hashchange", follow);
  form.hidden = false;
  filter();
  follow();
})();
