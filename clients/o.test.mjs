// The npm package odata (o.js), a general client of OData that knows nothing of Dataverse.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequire } from "node:module";
import { guid, server, token } from "./client.mjs";

const { o } = createRequire(import.meta.url)("odata");
const authorized = { Authorization: `Bearer ${token}` };
// The headers of a batch are apart from those of its parts.
const batch = { boundaryPrefix: "batch_", changsetBoundaryPrefix: "changset_", endpoint: "$batch", useChangset: false, useRelativeURLs: false, headers: new Headers({ ...authorized, "Content-Type": "multipart/mixed" }) };
const client = () => o(`${server}/api/data/v9.2/`, { batch, headers: new Headers({ ...authorized, "Content-Type": "application/json", Prefer: "return=representation" }), referrer: undefined });

test("rows are made, read, changed and deleted", async () => {
  const made = await client().post("contacts", { firstname: "Olga", lastname: "O.js" }).query();
  assert.match(made.contactid, guid);
  assert.equal((await client().get(`contacts(${made.contactid})`).query({ $select: "fullname" })).fullname, "Olga O.js");
  const changed = await client().patch(`contacts(${made.contactid})`, { firstname: "Ole" }).query();
  assert.equal(changed.fullname ?? changed.status, changed.fullname ? "Ole O.js" : 204);
  const gone = await client().delete(`contacts(${made.contactid})`).query();
  assert.equal(gone.status, 204);
  await assert.rejects(client().get(`contacts(${made.contactid})`).query(), (r) => r.status === 404);
});

test("queries", async () => {
  const rows = await client().get("contacts").query({ $top: 3, $select: "fullname", $orderby: "fullname", $filter: "statecode eq 0" });
  assert.equal(rows.length, 3);
  assert.deepEqual(rows.map((r) => r.fullname), rows.map((r) => r.fullname).toSorted((a, b) => a.localeCompare(b)));
});

test("a batch", async () => {
  const results = await client().get("accounts?$top=1").get("contacts?$top=2").batch();
  assert.equal(results.length, 2);
  assert.equal((results[1].body.value ?? results[1].body).length, 2);
});
