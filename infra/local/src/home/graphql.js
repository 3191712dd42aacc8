"use strict";
// Signs members in at /_local/token and asks /graphql as them. Text is always set as text.

const $ = (id) => document.getElementById(id);
let member = null;
let types = new Map();
let socket = null;

const PROFILE = "id\n    handle\n    firstName\n    lastName\n    email\n    phone\n    headline\n    skills { name level years }\n    links { kind url }\n    location { city country }\n    availability { status from }\n    languages\n    version\n    updatedAt";
const EXAMPLES = [
  ["My profile", `{\n  me {\n    ${PROFILE}\n  }\n}`, {}],
  ["Create my profile", `mutation Create($input: CreateProfileInput!) {\n  createProfile(input: $input) {\n    ${PROFILE}\n  }\n}`, {
    input: {
      handle: "zoe", firstName: "Zoé", lastName: "Lefèvre", email: "zoe@example.org", phone: "06 12 34 56 78",
      headline: "Illustratrice et graphiste", skills: [{ name: "Illustration", level: "EXPERT", years: 12 }],
      links: [{ kind: "WEBSITE", url: "https://example.org/zoe" }], location: { city: "Lyon", country: "FR" },
      availability: { status: "AVAILABLE" }, languages: ["fr", "en"],
    },
  }],
  ["Everything wrong at once", `mutation Create($input: CreateProfileInput!) {\n  createProfile(input: $input) {\n    id\n  }\n}`, {
    input: {
      handle: "аdmin", firstName: "", lastName: "Lefèvre", email: "zoe@", phone: "12",
      skills: [{ name: "Rust", years: 3 }, { name: "RUST", years: 5 }],
      links: [{ kind: "GITHUB", url: "javascript:alert(1)" }], location: { country: "XX" },
    },
  }],
  ["Update a profile", `mutation Update($id: ID!, $expectedVersion: Int!, $input: UpdateProfileInput!) {\n  updateProfile(id: $id, expectedVersion: $expectedVersion, input: $input) {\n    id\n    headline\n    version\n  }\n}`, {
    id: "", expectedVersion: 1, input: { headline: "Illustratrice" },
  }],
  ["Search", `query Search($skill: String, $text: String) {\n  searchProfiles(skill: $skill, text: $text, limit: 10) {\n    items {\n      id\n      handle\n      firstName\n      headline\n      skills { name level }\n    }\n    cursor\n  }\n}`, { skill: "illustration" }],
  ["A profile by its handle", `query ByHandle($handle: String!) {\n  profileByHandle(handle: $handle) {\n    ${PROFILE}\n  }\n}`, { handle: "zoe" }],
  ["History, for admins", `query History($id: ID!) {\n  profileHistory(id: $id, limit: 20) {\n    items {\n      version\n      at\n      by\n      changes { field from to }\n    }\n    cursor\n  }\n}`, { id: "" }],
  ["Listen for changes", "subscription Changed($id: ID) {\n  onProfileChanged(id: $id) {\n    id\n    version\n    fields\n  }\n}", {}],
  ["All that is kept of me", "{\n  exportMyData\n}", {}],
  ["Delete a profile", "mutation Delete($id: ID!) {\n  deleteProfile(id: $id) {\n    id\n  }\n}", { id: "" }],
];

const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
const INTROSPECTION = `{ __schema { types { kind name description
  fields { name description args { name type { ${TYPE} } } type { ${TYPE} } }
  inputFields { name description type { ${TYPE} } }
  enumValues { name description } } } }`;

/** An element with a class, text and children. */
function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** One request to the API: the status and what came back. */
async function ask(query, variables) {
  const headers = { "content-type": "application/json", "accept-language": $("language").value };
  if (member) headers.authorization = member.accessToken;
  const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  return { status: answer.status, body: await answer.json() };
}

function live(on, text) {
  $("live").className = "live " + (on ? "on" : "off");
  $("live").lastElementChild.textContent = text;
}

async function signIn(event) {
  event.preventDefault();
  const groups = [...document.querySelectorAll('input[name="group"]:checked')].map((box) => box.value);
  const email = $("email").value.trim();
  try {
    const answer = await fetch("/_local/token", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email, groups }) });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.message);
    member = told;
  } catch (error) {
    $("signed").textContent = error.message;
    $("signed").className = "signed wrong";
    return;
  }
  live(true, `${email}, ${groups.join(" and ") || "in no group"}`);
  $("signed").textContent = `Signed in for an hour. sub ${member.sub}`;
  $("signed").className = "signed";
  $("run").disabled = false;
  $("hint").textContent = "";
  if (!types.size) learn();
}

async function run() {
  if ($("run").disabled) return;
  let variables;
  try {
    variables = JSON.parse($("variables").value.trim() || "{}");
  } catch (error) {
    $("hint").textContent = `The variables are no JSON: ${error.message}`;
    return;
  }
  $("hint").textContent = "";
  socket?.close();
  socket = null;
  if (/^\s*subscription\b/m.test($("query").value)) return listen($("query").value, variables);
  $("run").disabled = true;
  const started = performance.now();
  try {
    const { status, body } = await ask($("query").value, variables);
    const took = Math.round(performance.now() - started);
    const errors = body.errors?.length || 0;
    $("status").textContent = `${status} · ${errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "no error"} · ${took} ms`;
    $("status").className = errors ? "status-bad" : "status-good";
    show(body);
  } catch (error) {
    $("status").textContent = "The bundle does not answer.";
    $("status").className = "status-bad";
    $("response").textContent = String(error);
  }
  $("run").disabled = false;
}

/** Listens, as a client of AppSync does, until something else is asked; the latest comes first. */
function listen(query, variables) {
  const authorization = { host: location.host, Authorization: member.accessToken };
  const header = encodeURIComponent(btoa(JSON.stringify(authorization)));
  const here = new WebSocket(`ws://${location.host}/graphql?header=${header}&payload=e30=`, "graphql-ws");
  const heard = [];
  const status = (text, good) => {
    $("status").textContent = text;
    $("status").className = good ? "status-good" : "status-bad";
  };
  socket = here;
  show(heard);
  here.addEventListener("open", () => here.send(JSON.stringify({ type: "connection_init" })));
  here.addEventListener("message", ({ data }) => {
    const said = JSON.parse(data);
    if (socket !== here) return;
    if (said.type === "connection_ack") {
      const payload = { data: JSON.stringify({ query, variables }), extensions: { authorization } };
      here.send(JSON.stringify({ id: "1", type: "start", payload }));
    } else if (said.type === "start_ack") {
      status("Listening.", true);
    } else if (said.type === "data") {
      heard.unshift(said.payload);
      heard.length = Math.min(heard.length, 100);
      status(`Listening · ${heard.length} heard`, true);
      show(heard);
    } else if (said.payload?.errors) {
      status("Refused.", false);
      show(said.payload);
    }
  });
  here.addEventListener("close", () => {
    if (socket === here && $("status").className === "status-good") status("The connection ended; run it again.", false);
  });
}

/** JSON with its keys and texts told apart. */
function show(body) {
  const text = JSON.stringify(body, null, 2);
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*/g)) {
    parts.push(text.slice(from, found.index));
    parts.push(el("span", found[2] ? "key" : found[1] ? "text" : "other", found[1] || found[0]));
    if (found[2]) parts.push(found[2]);
    from = found.index + found[0].length;
  }
  $("response").replaceChildren(...parts, text.slice(from));
}

/** What can be asked, from the schema itself. */
async function learn() {
  const { body } = await ask(INTROSPECTION, {});
  const known = (body.data?.__schema?.types || []).filter((type) => !type.name.startsWith("__"));
  types = new Map(known.map((type) => [type.name, type]));
  const groups = [
    ["Asked for", ["Query", "Mutation", "Subscription"].filter((name) => types.has(name))],
    ["Answered", known.filter((type) => type.kind === "OBJECT" && !["Query", "Mutation", "Subscription"].includes(type.name)).map((type) => type.name)],
    ["Given", known.filter((type) => type.kind === "INPUT_OBJECT").map((type) => type.name)],
    ["Words", known.filter((type) => type.kind === "ENUM").map((type) => type.name)],
  ];
  const nav = el("nav", "");
  for (const [title, names] of groups) {
    if (names.length) nav.append(el("h3", "", title), ...names.map((name) => opener(name, name)));
  }
  $("docs").replaceChildren(nav, el("article", ""));
  open("Query");
}

function opener(name, text) {
  const button = el("button", "", text);
  button.type = "button";
  button.dataset.type = name;
  button.addEventListener("click", () => open(name));
  return button;
}

/** A type as the schema writes it; what has fields opens them. */
function written(type) {
  if (type.kind === "NON_NULL") return [...written(type.ofType), "!"];
  if (type.kind === "LIST") return ["[", ...written(type.ofType), "]"];
  const builtIn = types.get(type.name)?.kind === "SCALAR";
  return [builtIn || !types.has(type.name) ? type.name : opener(type.name, type.name)];
}

function open(name) {
  const type = types.get(name);
  if (!type) return;
  for (const button of document.querySelectorAll(".docs nav button")) button.setAttribute("aria-current", String(button.dataset.type === name));
  const list = el("dl", "");
  for (const field of type.fields || type.inputFields || type.enumValues || []) {
    const head = el("dt", "", field.name);
    if (field.args?.length) {
      const args = field.args.flatMap((arg, index) => [index ? ", " : "", `${arg.name}: `, ...written(arg.type)]);
      head.append("(", ...args, ")");
    }
    if (field.type) head.append(": ", ...written(field.type));
    list.append(el("div", "", head, field.description ? el("dd", "", field.description) : null));
  }
  const article = document.querySelector(".docs article");
  article.replaceChildren(el("h3", "", name), ...(type.description ? [el("p", "", type.description)] : []), list);
  article.scrollTop = 0;
}

function start(index) {
  const [, query, variables] = EXAMPLES[index];
  $("query").value = query;
  $("variables").value = Object.keys(variables).length ? JSON.stringify(variables, null, 2) : "";
  for (const [id, least, most] of [["query", 9, 20], ["variables", 5, 16]]) {
    $(id).rows = Math.min(most, Math.max(least, $(id).value.split("\n").length + 1));
  }
}

/** Two spaces for a tab; Ctrl+Enter runs. Escape leaves the field, so that a keyboard can go on. */
function keys(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  } else if (event.key === "Tab" && !event.shiftKey) {
    event.preventDefault();
    event.target.setRangeText("  ", event.target.selectionStart, event.target.selectionEnd, "end");
  } else if (event.key === "Escape") {
    event.target.blur();
  }
}

EXAMPLES.forEach(([name], index) => {
  const option = el("option", "", name);
  option.value = index;
  $("example").append(option);
});
start(0);
$("example").addEventListener("change", () => start(Number($("example").value)));
$("sign-in").addEventListener("submit", signIn);
$("run").addEventListener("click", run);
$("query").addEventListener("keydown", keys);
$("variables").addEventListener("keydown", keys);
