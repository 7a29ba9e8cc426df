// node --test
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { startEmulator } from "./emulator.mjs";

test("a webhook of one's own is called as Dataverse calls it", async () => {
  const crm = await startEmulator();
  const calls = [];
  const mine = createServer(async (request, answer) => {
    let text = "";
    for await (const part of request) text += part;
    calls.push({ name: request.headers["x-ms-dynamics-request-name"], context: JSON.parse(text) });
    answer.writeHead(calls.length === 1 ? 200 : 400).end();
  }).listen(0, "127.0.0.1");
  await once(mine, "listening");
  try {
    const url = `http://127.0.0.1:${mine.address().port}/hook`;
    await crm.call("POST", "/emulator/hooks", { table: "contact", message: "Create", stage: "PostOperation", webhook: { url } });
    assert.equal((await crm.call("POST", "contacts", { lastname: "Berg" })).status, 204);
    const refused = await crm.call("POST", "contacts", { lastname: "Dahl" });
    assert.equal(refused.status, 400);
    assert.equal(refused.body.error.code, "0x80050201");
    assert.equal(calls[0].name, "Create");
    assert.equal(calls[0].context.PrimaryEntityName, "contact");
    const { body } = await crm.call("GET", "contacts?$select=lastname");
    assert.deepEqual(body.value.map((c) => c.lastname), ["Berg"]);
  } finally {
    mine.close();
    await crm.stop();
  }
});
