// The documents tab: what is indexed, adding, removing, bringing up to date. Text is only ever set as text.
"use strict";

(() => {
  const IDLE = 5000, BUSY = 500;
  const STATUS = {
    indexed: "Indexed", new: "New", changed: "Changed", gone: "Removed", failed: "Failed", skipped: "Passed over",
  };
  let parts = null, known = null, timer = 0, message = "";

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") made.addEventListener("click", value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((c) => c !== null));
    return made;
  }

  function mount(root) {
    const input = element("input", { type: "file", multiple: true, id: "add-files", class: "hidden-input" });
    input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
    parts = {
      root, input,
      summary: element("p", { class: "quiet" }),
      sync: element("button", { type: "button", class: "plain", onclick: () => sync() }, "Bring up to date"),
      news: element("p", { role: "status", class: "news" }),
      bar: element("progress", { "aria-label": "Progress", hidden: true }),
      rows: element("tbody"),
      dialog: element("dialog", { "aria-labelledby": "remove-title" }),
    };
    const head = element("tr", {}, ...["Document", "Date", "Pages", "Sentences", "Status"].map(
      (name) => element("th", { scope: "col" }, name)), element("td"));
    root.replaceChildren(
      element("h2", {}, "Documents"), parts.summary,
      element("div", { class: "actions" }, input,
        element("label", { for: "add-files", class: "plain" }, "Add files…"), parts.sync,
        element("span", { class: "quiet drop-hint" }, "or drop files here")),
      parts.news, parts.bar,
      element("table", {}, element("thead", {}, head), parts.rows), parts.dialog);
    root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("over"); });
    root.addEventListener("dragleave", () => root.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      add([...event.dataTransfer.files]);
    });
    known = null;
    refresh();
  }

  async function refresh() {
    clearTimeout(timer);
    if (!parts || !parts.root.isConnected) return;
    if (parts.root.offsetParent !== null) {
      try {
        const response = await fetch("/documents.json");
        if (response.ok) draw(await response.json());
      } catch { parts.news.textContent = "The program does not answer. Is it still running?"; }
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, known?.busy ? BUSY : IDLE);
  }

  function draw(now) {
    parts.input.accept = now.suffixes.join(",");
    parts.sync.disabled = now.busy !== null;
    const count = now.count;
    const waiting = (now.pending ? ` ${now.pending} not up to date.` : "")
      + (now.unlisted ? ` ${now.unlisted} more are not listed.` : "");
    setText(parts.summary, `${count} ${count === 1 ? "document answers" : "documents answer"} questions. ` +
      `Files in the folder “${now.folder}”: ${now.suffixes.join(", ")}.${waiting}`);
    setText(parts.news, [message, now.news].filter(Boolean).join(" "));
    parts.news.classList.toggle("failed", now.failed || message !== "");
    parts.bar.hidden = now.busy === null;
    if (now.busy?.total) { parts.bar.max = now.busy.total; parts.bar.value = now.busy.done; }
    else parts.bar.removeAttribute("value");
    const fresh = JSON.stringify(now.documents);
    if (fresh !== known?.fresh) parts.rows.replaceChildren(...now.documents.map(row));
    known = { fresh, busy: now.busy, limit: now.max_bytes };
  }

  function setText(where, text) { if (where.textContent !== text) where.textContent = text; }

  function row(d) {
    const name = d.readable ? element("a", { href: `/doc/${encodeURIComponent(d.id)}`, target: "_blank" }, d.title)
      : element("span", {}, d.title);
    const about = [d.outlet, d.title === d.id ? null : d.id].filter(Boolean).join(" · ");
    const cell = (label, text) => element("td", { "data-label": label }, text === null ? "–" : String(text));
    const status = cell("Status", STATUS[d.status] ?? d.status);
    status.className = `state ${d.status}`;
    if (d.problem) status.append(element("small", {}, d.problem));
    return element("tr", {},
      element("td", { "data-label": "Document" }, name, about ? element("small", {}, about) : null),
      cell("Date", d.date), cell("Pages", d.pages), cell("Sentences", d.sentences), status,
      element("td", {}, d.removable ? element("button", {
        type: "button", class: "plain small", "aria-label": `Remove ${d.title}`, onclick: () => confirmRemoval(d),
      }, "Remove") : null));
  }

  async function post(path, body) {
    try {
      const response = await fetch(path, { method: "POST", body });
      if (response.ok) return "";
      const told = await response.json().catch(() => ({}));
      return told.problem ?? (response.status === 413 ? "The file is too large." : "That was refused.");
    } catch { return "The program does not answer. Is it still running?"; }
  }

  async function add(files) {
    const problems = [];
    let added = 0;
    for (const file of files) {
      setText(parts.news, `Adding ${file.name}…`);
      const problem = known?.limit && file.size > known.limit ? `${file.name} is too large.`
        : await post(`/documents/add?name=${encodeURIComponent(file.name)}`, file);
      if (problem) problems.push(problem); else added += 1;
    }
    message = problems.join(" ");
    await (added ? sync(message) : refresh());
  }

  async function sync(kept = "") {
    message = kept;
    message = await post("/documents/sync") || kept;
    await refresh();
  }

  function confirmRemoval(d) {
    const close = () => parts.dialog.close();
    parts.dialog.replaceChildren(
      element("h2", { id: "remove-title" }, "Remove this document?"),
      element("p", {}, `“${d.title}” is deleted from the folder: the file ${d.id} itself. This cannot be undone.`),
      element("div", { class: "actions" },
        element("button", { type: "button", class: "plain", autofocus: true, onclick: close }, "Keep it"),
        element("button", {
          type: "button", class: "plain danger", onclick: async () => {
            close();
            message = await post(`/documents/remove?id=${encodeURIComponent(d.id)}`);
            await (message ? refresh() : sync());
          },
        }, "Delete the file")));
    parts.dialog.showModal();
  }

  new MutationObserver(() => {
    const root = document.querySelector("#documents .prose, #documents .md") ?? document.querySelector("#documents");
    if (root && root !== parts?.root) mount(root);
  }).observe(document.documentElement, { subtree: true, childList: true });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[role=tab]")) setTimeout(refresh, 50);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
