// Theme before paint; copy, dialogs, menus, filters after. Every page works without it.
(() => {
  const d = document, root = d.documentElement, KEY = "guildhall.theme";
  const read = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const each = (q, f) => d.querySelectorAll(q).forEach(f);
  const theme = () => {
    const t = read();
    if (t === "light" || t === "dark") root.dataset.theme = t; else if (t) root.removeAttribute("data-theme");
    const now = root.dataset.theme || "system";
    each("[data-theme-switch]", (b) => b.setAttribute("aria-pressed", String(b.dataset.themeSwitch === now)));
  };
  const say = (text) => {
    let s = d.getElementById("said");
    if (!s) { s = d.createElement("div"); s.id = "said"; s.className = "visually-hidden"; s.setAttribute("role", "status"); d.body.append(s); }
    s.textContent = ""; setTimeout(() => { s.textContent = text; }, 50);
  };
  const copy = async (b) => {
    const from = d.getElementById(b.dataset.copy), label = b.querySelector("span");
    if (!from) return;
    const text = (from.value ?? from.textContent).trim();
    try { await navigator.clipboard.writeText(text); } catch {   // plain http has no clipboard: select, and copy the old way
      from.select ? from.select() : getSelection().selectAllChildren(from);
      if (!d.execCommand("copy")) return say("Selected; press Ctrl C to copy");
    }
    if ("copied" in b.dataset) return;
    const was = label && label.textContent;
    b.dataset.copied = ""; if (label) label.textContent = "Copied"; say("Copied");
    setTimeout(() => { delete b.dataset.copied; if (label) label.textContent = was; }, 2000);
  };
  const modal = (x) => { if (x.open) x.close("upgrade"); x.showModal(); };
  root.classList.add("js"); theme();
  d.addEventListener("DOMContentLoaded", () => {
    theme(); each("dialog[open]", modal);
    const errors = d.getElementById("form-errors"); if (errors) errors.focus();
  });
  addEventListener("storage", theme);
  d.addEventListener("click", (e) => {
    const at = (q) => e.target.closest && e.target.closest(q);
    each("details.menu[open]", (m) => { if (!m.contains(e.target)) m.open = false; });
    if (e.target.nodeName === "DIALOG") return e.target.close();
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    let b;
    if ((b = at("[data-theme-switch]"))) { try { localStorage.setItem(KEY, b.dataset.themeSwitch); } catch {} theme(); }
    else if ((b = at("[data-copy]"))) copy(b);
    else if ((b = at("[data-dialog-close]")) && b.closest("dialog")) { e.preventDefault(); b.closest("dialog").close(); }
    else if ((b = at("[data-dismiss]"))) { e.preventDefault(); b.parentElement.remove(); }
    else if ((b = at("[data-dialog]"))) {
      const x = d.getElementById(b.dataset.dialog);
      if (x) { e.preventDefault(); const m = b.closest("details.menu"); if (m) { m.open = false; m.querySelector("summary").focus(); } modal(x); }
    }
  });
  d.addEventListener("close", (e) => {   // closed in any way: leave ?confirm=… behind
    const a = e.target.querySelector("a[data-dialog-close]");
    if (a && !e.target.open && /[?&]confirm=/.test(location.search)) history.replaceState(null, "", a.href);
  }, true);
  d.addEventListener("change", (e) => {
    if (e.target.matches("[data-autosubmit]")) e.target.form.requestSubmit();
    const table = e.target.closest(".table__check") && e.target.closest("table"), all = table && table.querySelector("[data-select-all]");
    if (!all) return;
    const boxes = [...table.querySelectorAll("tbody .table__check input")];
    if (e.target === all) boxes.forEach((b) => { b.checked = all.checked; });
    const some = boxes.filter((b) => b.checked).length;
    all.checked = some === boxes.length; all.indeterminate = some > 0 && !all.checked; say(some + " selected");
  });
  d.addEventListener("submit", (e) => {   // form[data-busy]: once is enough
    const f = e.target, b = e.submitter;
    if (!f.matches("[data-busy]") || e.defaultPrevented) return;
    if (f.dataset.busy) return e.preventDefault();
    f.dataset.busy = "yes"; if (b) b.setAttribute("aria-busy", "true"); say("Working…");
  });
  // [data-live=seconds] with an id: is read again while it is looked at and nothing is chosen, opened, marked or sent in it.
  let sent = false;
  d.addEventListener("submit", () => { sent = true; });
  const still = (x) => sent || d.hidden || d.querySelector("dialog[open]") || x.querySelector(":checked, details[open]") || (x.contains(d.activeElement) && d.activeElement.tabIndex >= 0) || (getSelection().type === "Range" && getSelection().containsNode(x, true));
  const live = async (x) => {
    if (!still(x)) try {
      const url = new URL(location.href); url.searchParams.delete("confirm");
      const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "error" });
      const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(x.id);
      if (fresh && !still(x)) { if (fresh.innerHTML !== x.innerHTML) x.innerHTML = fresh.innerHTML; x.dataset.live = fresh.dataset.live || ""; }
    } catch {}   // the server is away: the next time
    if (+x.dataset.live) setTimeout(live, x.dataset.live * 1000, x);
  };
  d.addEventListener("DOMContentLoaded", () => each("[data-live][id]", (x) => { setTimeout(live, x.dataset.live * 1000, x); }));
  addEventListener("pageshow", () => { sent = false; each("form[data-busy]", (f) => { f.dataset.busy = ""; f.querySelectorAll("[aria-busy]").forEach((b) => b.removeAttribute("aria-busy")); }); });
  d.addEventListener("keydown", (e) => {
    // The phone's menu too, but only after what is open in it or before it.
    if (e.key !== "Escape" || d.querySelector("dialog[open]")) return;
    const open = d.querySelectorAll("details.menu[open]");
    (open.length ? open : d.querySelectorAll("details.sidebar__toggle[open]")).forEach((m) => { m.open = false; m.querySelector("summary").focus(); });
  });
})();
