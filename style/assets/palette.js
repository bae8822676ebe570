// The palette (Ctrl K), keys for going places (?), and arrows in menus and tables. Every page works without it.
(() => {
  const d = document, KEY = "guildhall.keys";
  const read = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const make = (name, attributes, ...children) => {
    const x = d.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) x.setAttribute(key, value);
    x.append(...children);
    return x;
  };
  const icon = (name) => {
    const ns = "http://www.w3.org/2000/svg", svg = d.createElementNS(ns, "svg"), use = d.createElementNS(ns, "use");
    svg.setAttribute("class", "icon"); svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", d.querySelector('link[rel="icon"]').getAttribute("href").replace("favicon.svg", "icons.svg") + "#" + name);
    svg.append(use);
    return svg;
  };

  // The palette.
  let dialog, input, list, said, asked, chosen = -1, timer;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const choose = (index) => {
    const all = options();
    if (!all.length) { chosen = -1; input.removeAttribute("aria-activedescendant"); return; }
    chosen = (index + all.length) % all.length;
    all.forEach((x, i) => x.setAttribute("aria-selected", String(i === chosen)));
    input.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  };
  const show = (hits, text) => {
    let group, title = null;
    list.replaceChildren();
    hits.forEach((hit, i) => {
      if (hit.group !== title) {
        title = hit.group;
        group = make("div", { role: "group", "aria-label": title }, make("div", { class: "palette__group", role: "presentation" }, title));
        list.append(group);
      }
      group.append(make("a", { class: "palette__item", role: "option", id: "palette-" + i, href: hit.href, tabindex: "-1", "aria-selected": "false" },
        icon(hit.icon), make("span", {}, hit.title), make("span", { class: "palette__hint" }, hit.detail)));
    });
    said.textContent = hits.length ? "" : `Nothing that you may see has a name like “${text}”.`;
    said.hidden = hits.length > 0; list.hidden = !hits.length;
    input.setAttribute("aria-expanded", String(hits.length > 0));
    choose(0);
  };
  const ask = async () => {
    asked?.abort(); asked = new AbortController();
    const text = input.value.trim();
    try {
      const answer = await fetch("/actions/search?q=" + encodeURIComponent(text), { headers: { accept: "application/json" }, signal: asked.signal });
      if (answer.status === 401) return location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json(), text);
    } catch (error) {
      if (error.name === "AbortError") return;
      list.replaceChildren(); said.hidden = false; said.textContent = "The search did not answer. Type on to try again.";
    }
  };
  const build = () => {
    input = make("input", { class: "palette__input", role: "combobox", "aria-expanded": "false", "aria-controls": "palette-list", "aria-autocomplete": "list",
      "aria-label": "Search or jump to", placeholder: "Search or jump to…", maxlength: "100", autocomplete: "off", spellcheck: "false" });
    list = make("div", { class: "palette__list", id: "palette-list", role: "listbox", "aria-label": "Results" });
    said = make("p", { class: "palette__said", role: "status" }); said.hidden = true;
    const foot = make("div", { class: "palette__foot" }, make("kbd", {}, "↑"), " ", make("kbd", {}, "↓"), " move · ", make("kbd", {}, "Enter"), " open · ", make("kbd", {}, "Esc"), " close");
    dialog = make("dialog", { class: "palette", id: "palette", "aria-label": "Search or jump to" }, make("div", { class: "palette__search" }, icon("search"), input), list, said, foot);
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 90); });
    input.addEventListener("keydown", (e) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) { e.preventDefault(); choose(chosen + step); }
      else if (e.key === "Enter" && !e.isComposing) { e.preventDefault(); options()[chosen]?.click(); }
    });
    d.body.append(dialog);
  };
  const palette = () => {
    if (!dialog) build();
    if (dialog.open) return dialog.close();
    input.value = ""; list.replaceChildren(); list.hidden = true; said.hidden = true;
    dialog.showModal(); input.focus(); ask();
  };

  // Single keys, which can be turned off.
  const PLACES = { h: ["Home", "/"], t: ["Teams", "/admin/teams"], m: ["My teams", "/teams"], r: ["Runners", "/runners"], p: ["Provision a runner", "/provision"],
    k: ["API keys", "/keys"], q: ["Requests", "/requests"], u: ["Users", "/admin/users"], a: ["Audit log", "/admin/audit"] };
  const keys = () => read() !== "off";
  let help, going = 0;
  const shortcuts = () => {
    if (!help) {
      const line = (names, words) => make("div", {}, make("dt", {}, words), make("dd", {}, ...names.flatMap((name, i) => (i ? [" ", make("kbd", {}, name)] : [make("kbd", {}, name)]))));
      const box = make("input", { type: "checkbox", id: "single-keys" });
      box.addEventListener("change", () => { try { localStorage.setItem(KEY, box.checked ? "on" : "off"); } catch {} });
      const close = make("button", { class: "button", type: "button", "data-dialog-close": "" }, "Close");
      help = make("dialog", { class: "dialog", id: "shortcuts", "aria-labelledby": "shortcuts-title" },
        make("div", { class: "dialog__header" }, make("h2", { class: "dialog__title", id: "shortcuts-title" }, "Keyboard shortcuts")), make("div", { class: "dialog__body" },
          make("dl", { class: "shortcuts" }, line(["Ctrl", "K"], "Search or jump to"), line(["/"], "Search this page's list, or everywhere"), line(["j"], "Next row of a table"),
            line(["k"], "Row before"), line(["?"], "These shortcuts"), ...Object.entries(PLACES).map(([key, [words]]) => line(["g", key], words))),
          make("div", { class: "check" }, box, make("label", { for: "single-keys" }, "Single keys do something (Ctrl K always does)"))),
        make("div", { class: "dialog__footer" }, close));
      help.box = box;
      d.body.append(help);
    }
    help.box.checked = keys();
    if (!help.open) help.showModal();
  };
  const row = (step) => {
    const links = [...d.querySelectorAll("main tbody tr")].map((r) => r.querySelector("a[href], button, input")).filter((x) => x && x.getClientRects().length);
    if (!links.length) return;
    const here = links.findIndex((x) => x.closest("tr").contains(d.activeElement));
    links[Math.min(Math.max(here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step, 0), links.length - 1)].focus();
  };

  d.addEventListener("click", (e) => {
    const b = e.target.closest && e.target.closest("[data-palette], [data-shortcuts]");
    if (!b || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault(); "palette" in b.dataset ? palette() : shortcuts();
  });
  d.addEventListener("keydown", (e) => {
    if (e.key.toLowerCase() === "k" && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey) { e.preventDefault(); return palette(); }
    const menu = d.activeElement && d.activeElement.closest("details.menu[open]");
    if (menu && ["ArrowDown", "ArrowUp", "Home", "End"].includes(e.key)) {
      const items = [...menu.querySelectorAll(".menu__item")], at = items.indexOf(d.activeElement);
      const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[e.key];
      e.preventDefault();
      return items[(next + items.length) % items.length]?.focus();
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || !keys() || d.querySelector("dialog[open]")) return;
    if (e.target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    if (going && e.timeStamp - going < 1500 && PLACES[e.key]) { going = 0; return location.assign(PLACES[e.key][1]); }
    going = 0;
    if (e.key === "g") going = e.timeStamp;
    else if (e.key === "?") { e.preventDefault(); shortcuts(); }
    else if (e.key === "/") { e.preventDefault(); const s = d.querySelector("main input[type=search]"); s ? s.select() : palette(); }
    else if (e.key === "j") row(1);
    else if (e.key === "k") row(-1);
  });
})();
