// What the pages do by themselves: follow work under way, hold long lists without holding all of their rows, and leave
// when nobody works. Without it they work all the same, page by page.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");

  // Nobody's names stay on a screen that nobody looks at: work tells the console that somebody is there, and where there
  // is none the page goes when the session does.
  const idle = Number(document.body.dataset.idle || 0) * 1000;
  let leave, told = Date.now();
  const stay = () => { clearTimeout(leave); if (idle) leave = setTimeout(() => location.replace("/"), idle); };
  const work = () => {
    if (Date.now() - told < Math.min(60000, idle / 4)) return;
    told = Date.now();
    stay();
    fetch("/alive", { method: "POST" }).then(r => { if (r.status === 401) location.replace("/"); }).catch(() => {});
  };
  stay();
  for (const what of ["keydown", "pointerdown", "input", "wheel"]) addEventListener(what, work, { passive: true, capture: true });

  // Work under way tells how far it has come.
  const follow = element => {
    if (element.dataset.followed) return;
    element.dataset.followed = "yes";
    const events = new EventSource("/progress/" + element.dataset.job);
    const end = () => {
      events.close();
      const after = element.dataset.after;
      if (after === "reload") location.reload();
      else if (after) htmx.ajax("GET", after, element.dataset.target);
    };
    events.addEventListener("progress", e => { element.innerHTML = e.data; });
    events.addEventListener("end", end);
    addEventListener("pagehide", () => events.close());
  };

  // Whoever was chosen stays in the page, however far away: what a form sends is what was chosen.
  // A list of any length. A piece of rows is fetched when it comes near and let go when it is far; what is not there is
  // one row as high as all of its own.
  const hold = table => {
    const total = Number(table.dataset.total), chunk = Number(table.dataset.chunk), from = Number(table.dataset.from);
    const first = table.tBodies[0];
    if (!first || total <= chunk || table.dataset.held) return;
    table.dataset.held = "yes";
    const columns = [...table.tHead.rows[0].cells].filter(c => c.offsetWidth).length, // those that a narrow screen leaves out take no room
       rowHeight = first.rows[0].getBoundingClientRect().height || 36;
    const most = Math.floor(15e6 / rowHeight); // what browsers can lay out
    const gap = (body, rows) => {
      const row = document.createElement("tr"), cell = document.createElement("td");
      row.className = "gap";
      row.setAttribute("aria-hidden", "true");
      cell.colSpan = columns;
      cell.style.height = rows * rowHeight + "px";
      row.append(cell);
      body.replaceChildren(row);
      delete body.dataset.full;
    };
    const url = at => table.dataset.rows + (table.dataset.rows.endsWith("?") ? "" : "&") + "at=" + at;
    const fetchRows = async body => {
      const at = Number(body.dataset.at);
      body.dataset.full = "yes";
      try {
        const answer = await fetch(url(at), { headers: { "HX-Request": "true" } });
        if (answer.status === 401) return location.replace("/");
        if (!answer.ok) throw new Error(answer.status);
        const text = await answer.text();
        if (body.dataset.full) body.innerHTML = text; // still near
      } catch { delete body.dataset.full; }
    };
    const near = new IntersectionObserver(seen => {
      for (const x of seen) if (x.isIntersecting && !x.target.dataset.full) fetchRows(x.target);
    }, { rootMargin: "900px 0px" });
    const far = new IntersectionObserver(seen => {
      for (const x of seen) if (!x.isIntersecting && x.target.dataset.full && !x.target.contains(document.activeElement) && !x.target.querySelector(":checked")) gap(x.target, x.target.dataset.count);
    }, { rootMargin: "9000px 0px" });
    first.dataset.full = "yes";
    first.dataset.count = first.rows.length;
    for (let at = 0; at < Math.min(total, most); at += chunk) {
      let body = first;
      if (at !== from) {
        body = document.createElement("tbody");
        body.dataset.at = at;
        body.dataset.count = Math.min(chunk, total - at);
        gap(body, body.dataset.count);
        if (at < from) table.insertBefore(body, first); else table.append(body);
      }
      near.observe(body);
      far.observe(body);
    }
    if (from > 0) first.scrollIntoView();
  };

  const slide = slider => {
    if (slider.dataset.slides) return;
    slider.dataset.slides = "yes";
    const value = document.getElementById("period-value"), file = document.getElementById("changed-file");
    slider.addEventListener("input", () => {
      value.textContent = slider.value === "1" ? slider.dataset.single : slider.value + " " + slider.dataset.unit;
      file.href = slider.dataset.file + slider.value;
    });
  };

  // The line that a tried period stands on is brought into sight within the file, without moving the page.
  const mark = line => {
    const box = line.closest(".source");
    if (box) box.scrollTop = line.offsetTop - box.offsetTop - box.clientHeight / 3;
  };

  // A slider over nights is heard as the date that it stands at, not as a number.
  const say = () => {
    const which = document.getElementById("which"), night = document.querySelector("#night [data-night]");
    if (which && night) which.setAttribute("aria-valuetext", night.dataset.night);
  };

  const wake = root => {
    root.querySelectorAll("[data-job]").forEach(follow);
    root.querySelectorAll("table[data-rows]").forEach(hold);
    root.querySelectorAll("input[data-unit]").forEach(slide);
  };
  const start = () => {
    wake(document);
    document.querySelectorAll(".ln.mark").forEach(mark);
    document.addEventListener("htmx:afterSettle", () => { wake(document); say(); }); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
