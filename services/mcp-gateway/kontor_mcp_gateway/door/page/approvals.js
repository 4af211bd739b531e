// Shows what waits for a person, with the person's own key, and sends the person's word on it.
"use strict";

const one = location.pathname.match(/^\/approvals\/([0-9a-f-]{36})\/page$/)?.[1];
const told = document.getElementById("told");
const list = document.getElementById("approvals");
let key = "";

async function ask(path, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.message ?? value.detail ?? `The answer was ${answer.status}.`);
  return value;
}

async function show() {
  const found = one ? [await ask(`/approvals/${one}`)] : (await ask("/approvals?status=pending")).approvals;
  list.replaceChildren(...found.map(shown));
  list.hidden = false;
  told.textContent = found.length ? "" : "Nothing waits for you.";
}

function shown(approval) {
  const item = document.getElementById("approval").content.cloneNode(true);
  const form = item.querySelector("form");
  const votes = approval.votes_needed > 1 ? `, ${approval.approved_by.length} of ${approval.votes_needed} agreed` : "";
  item.querySelector("h2").textContent = `${approval.tool}: ${approval.status}${votes}`;
  item.querySelector(".who").textContent =
    `Asked ${new Date(approval.created_at).toLocaleString()} by ${approval.client_name || approval.actor}, ` +
    `ends ${new Date(approval.expires_at).toLocaleString()}.`;
  item.querySelector("pre").textContent = approval.text;
  form.hidden = approval.status !== "pending";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => decide(approval.id, event.submitter.value, form.elements.reason.value));
  });
  return item;
}

async function decide(id, decision, reason) {
  const done = await ask(`/approvals/${id}/decide`, { decision, reason });
  await show();
  told.textContent = done.status === "pending" ? "Your vote counts; another person must agree." : `Now ${done.status}.`;
}

async function attempt(step) {
  try {
    await step();
  } catch (error) {
    told.textContent = error.message;
  }
}

document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  key = document.getElementById("key").value.trim();
  attempt(async () => {
    await show();
    event.target.hidden = true;
  });
});
