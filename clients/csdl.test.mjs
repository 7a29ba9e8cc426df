// $metadata, as it is fetched by dynamics-web-api and read by odata-csdl in its strict mode.
import assert from "node:assert/strict";
import test from "node:test";
import { DynamicsWebApi } from "dynamics-web-api";
import csdl from "odata-csdl";
import { server, token } from "./client.mjs";

const api = new DynamicsWebApi({ serverUrl: server, dataApi: { version: "9.2" }, onTokenRefresh: async () => token });
const messages = [];
const document = csdl.xml2json(await api.retrieveCsdlMetadata(), { strict: true, messages });
const schema = document["Microsoft.Dynamics.CRM"];
const container = schema[document.$EntityContainer.split(".").at(-1)];
const types = Object.entries(schema).filter(([, t]) => t?.$Kind === "EntityType" || t?.$Kind === "ComplexType");
const members = (type) => Object.entries(type).filter(([name]) => !/[$@]/.test(name));
const named = (name) => (name.startsWith(`${schema.$Alias}.`) ? schema[name.slice(schema.$Alias.length + 1)] : undefined);

/** A member of a type, or of what it derives from. */
function member(type, name) {
  for (let t = type; t; t = t.$BaseType && named(t.$BaseType)) if (name in t) return t[name];
}

test("a strict reader finds nothing wrong", () => {
  assert.deepEqual(messages, []);
  assert.equal(document.$Version, "4.0");
  assert.ok(types.length > 100, `${types.length} types`);
});

test("every type that is named is there", () => {
  const known = (name) => name === undefined || name.startsWith("Edm.") || named(name) !== undefined;
  for (const [name, type] of types) {
    assert.ok(known(type.$BaseType), `${name}: ${type.$BaseType}`);
    for (const [key, m] of members(type)) assert.ok(known(m.$Type), `${name}/${key}: ${m.$Type}`);
    for (const key of type.$Key ?? []) assert.ok(member(type, key), `${name}: key ${key}`);
  }
  for (const [name, overloads] of Object.entries(schema)) {
    if (!Array.isArray(overloads)) continue;
    for (const o of overloads) {
      for (const p of o.$Parameter ?? []) assert.ok(known(p.$Type), `${name}: ${p.$Name} ${p.$Type}`);
      assert.ok(known(o.$ReturnType?.$Type), name);
    }
  }
});

test("navigation properties lead both ways, over columns that are there", () => {
  let partners = 0;
  for (const [name, type] of types) {
    for (const [key, m] of members(type)) {
      if (m.$Kind !== "NavigationProperty") continue;
      const target = named(m.$Type);
      if (m.$Partner) {
        partners++;
        assert.equal(member(target, m.$Partner)?.$Kind, "NavigationProperty", `${name}/${key} and ${m.$Partner}`);
      }
      for (const [column, of] of Object.entries(m.$ReferentialConstraint ?? {})) {
        assert.ok(member(type, column), `${name}/${key}: ${column}`);
        assert.ok(member(target, of), `${name}/${key}: ${of}`);
      }
    }
  }
  assert.ok(partners > 500, `${partners} partners`);
});

test("entity sets bind to sets, and are those that answer", async () => {
  const sets = members(container).filter(([, s]) => s.$Collection);
  for (const [name, set] of sets) {
    const type = named(set.$Type);
    assert.equal(type?.$Kind, "EntityType", name);
    for (const [path, target] of Object.entries(set.$NavigationPropertyBinding ?? {})) {
      assert.ok(container[target], `${name}: ${path} to ${target}`);
    }
  }
  const tables = await api.retrieveEntities({ select: ["EntitySetName", "LogicalName"] });
  for (const t of tables.value) assert.equal(container[t.EntitySetName]?.$Type, `${schema.$Alias}.${t.LogicalName}`);
});

test("a row has the properties that its type declares", async () => {
  for (const [collection, name] of [["contacts", "contact"], ["accounts", "account"], ["leads", "lead"], ["opportunities", "opportunity"]]) {
    const [row] = (await api.retrieveMultiple({ collection, top: 1 })).value;
    const columns = Object.keys(row).filter((key) => !key.includes("@"));
    assert.ok(columns.length > 50, `${collection}: ${columns.length} columns`);
    for (const key of columns) {
      const m = member(schema[name], key);
      assert.ok(m && m.$Kind === undefined, `${collection}: ${key}`);
    }
  }
});

test("operations are declared as they are called", () => {
  assert.equal(schema.WhoAmI[0].$Kind, "Function");
  assert.equal(schema.WinOpportunity[0].$Kind, "Action");
  assert.deepEqual(schema.WinOpportunity[0].$Parameter.map((p) => p.$Name), ["OpportunityClose", "Status"]);
  assert.equal(schema.QualifyLead[0].$IsBound, true);
});
