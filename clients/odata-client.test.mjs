// The npm package @odata/client, a general client of OData that knows nothing of Dataverse.
import assert from "node:assert/strict";
import { test } from "node:test";
import odata from "@odata/client";
import { guid, refused, server, token } from "./client.mjs";

const { OData } = odata;
const client = OData.New4({ serviceEndpoint: `${server}/api/data/v9.2/`, commonHeaders: { Authorization: `Bearer ${token}`, Prefer: "return=representation" } });
const accounts = client.getEntitySet("accounts");

test("rows are made, read, changed and deleted", async () => {
  const made = await accounts.create({ name: "Made by @odata/client", numberofemployees: 7 });
  assert.match(made.accountid, guid);
  const key = made.accountid;
  assert.equal((await accounts.retrieve(key)).name, "Made by @odata/client");
  await accounts.update(key, { numberofemployees: 8 });
  assert.equal((await accounts.retrieve(key, client.newParam().select(["numberofemployees"]))).numberofemployees, 8);
  await accounts.delete(key);
  await assert.rejects(accounts.retrieve(key), /Does Not Exist/);
});

test("filters, orders and counts", async () => {
  await accounts.create({ name: "Filtered A", numberofemployees: 70001 });
  await accounts.create({ name: "Filtered B", numberofemployees: 70002 });
  const filter = client.newFilter().field("numberofemployees").ge(70001);
  const rows = await accounts.query(client.newParam().filter(filter).orderby("name", "desc").select(["name"]));
  assert.deepEqual(rows.map((r) => r.name), ["Filtered B", "Filtered A"]);
  assert.equal((await accounts.query(client.newParam().filter(client.newFilter().property("name").eq("Filtered A")).top(5)))[0].numberofemployees, 70001);
});

test("a batch", async () => {
  const parts = await client.execBatchRequests([
    client.newBatchRequest({ collection: "accounts", method: "GET", params: client.newParam().top(1).select("name") }),
    client.newBatchRequest({ collection: "contacts", method: "GET", params: client.newParam().top(2).select("fullname") }),
  ]);
  assert.equal(parts.length, 2);
  assert.equal((await parts[1].json()).value.length, 2);
});
