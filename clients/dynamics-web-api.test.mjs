// The client dynamics-web-api against the emulator.
import assert from "node:assert/strict";
import test from "node:test";
import { DynamicsWebApi } from "dynamics-web-api";
import { guid, refused, server, token } from "./client.mjs";

const api = new DynamicsWebApi({
  serverUrl: server,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => token,
});

test("a wrong token is refused", async () => {
  const stranger = new DynamicsWebApi({ serverUrl: server, dataApi: { version: "9.2" }, onTokenRefresh: async () => "wrong" });
  await refused(stranger.callFunction("WhoAmI"), { status: 401 });
});

test("rows: create, retrieve, update, upsert, delete", async (t) => {
  let account, contact, etag;

  await t.test("create gives the id", async () => {
    account = await api.create({ collection: "accounts", data: { name: "Håkans Åkeri", revenue: 1250000.5, industrycode: 1 } });
    assert.match(account, guid);
  });

  await t.test("create with a bound lookup gives the row that was asked for", async () => {
    const row = await api.create({
      collection: "contacts",
      data: { firstname: "Åsa", lastname: "O'Neil", "parentcustomerid_account@odata.bind": `accounts(${account})` },
      select: ["fullname", "_parentcustomerid_value"],
      returnRepresentation: true,
    });
    contact = row.contactid;
    etag = row["@odata.etag"];
    assert.equal(row.fullname, "Åsa O'Neil");
    assert.equal(row._parentcustomerid_value, account);
    assert.match(etag, /^W\/"\d+"$/);
    assert.equal("lastname" in row, false);
  });

  await t.test("retrieve with select, expand and annotations", async () => {
    const row = await api.retrieve({
      collection: "contacts",
      key: contact,
      select: ["fullname", "statecode", "_parentcustomerid_value", "emailaddress1"],
      expand: [{ property: "parentcustomerid_account", select: ["name", "revenue", "industrycode"] }],
      includeAnnotations: "*",
    });
    assert.equal(row.fullname, "Åsa O'Neil");
    assert.equal(row.emailaddress1, null);
    assert.equal(row.statecode, 0);
    assert.equal(row.statecode_Formatted, "Active");
    assert.equal(row._parentcustomerid_value_Formatted, "Håkans Åkeri");
    assert.equal(row._parentcustomerid_value_LogicalName, "account");
    assert.equal(row._parentcustomerid_value_NavigationProperty, "parentcustomerid_account");
    assert.equal(row.parentcustomerid_account.name, "Håkans Åkeri");
    assert.equal(row.parentcustomerid_account.revenue, 1250000.5);
    assert.equal(row.parentcustomerid_account.revenue_Formatted, "€1,250,000.50");
    assert.equal(row.parentcustomerid_account.industrycode_Formatted, "Accounting");
  });

  await t.test("retrieve a lookup's reference", async () => {
    const ref = await api.retrieve({ collection: "contacts", key: contact, select: ["parentcustomerid_account/$ref"] });
    assert.equal(ref.id, account);
    assert.equal(ref.collection, "accounts");
  });

  await t.test("retrieve only if it changed", async () => {
    // Page perform-conditional-operations-using-web-api: 304 where the version is still the same. The client gives undefined.
    const look = (ifnonematch) => api.retrieve({ collection: "contacts", key: contact, select: ["fullname"], ifnonematch });
    assert.equal(await look(etag), undefined);
    assert.equal((await look('W/"1"')).fullname, "Åsa O'Neil");
  });

  await t.test("a changed row is not overwritten", async () => {
    const row = await api.update({
      collection: "contacts", key: contact, data: { jobtitle: "Driver" }, ifmatch: etag, returnRepresentation: true, select: ["jobtitle"],
    });
    assert.equal(row.jobtitle, "Driver");
    assert.notEqual(row["@odata.etag"], etag);
    // The client answers false for 412.
    assert.equal(await api.update({ collection: "contacts", key: contact, data: { jobtitle: "Owner" }, ifmatch: etag }), false);
    assert.equal((await api.retrieve({ collection: "contacts", key: contact, select: ["jobtitle"] })).jobtitle, "Driver");
    assert.equal(await api.deleteRecord({ collection: "contacts", key: contact, ifmatch: etag }), false);
  });

  await t.test("a single property", async () => {
    await api.updateSingleProperty({ collection: "contacts", key: contact, fieldValuePair: { jobtitle: "Dispatcher" } });
    assert.equal((await api.retrieve({ collection: "contacts", key: contact, select: ["jobtitle"] })).jobtitle, "Dispatcher");
    await api.deleteRecord({ collection: "contacts", key: contact, property: "jobtitle" });
    assert.equal((await api.retrieve({ collection: "contacts", key: contact, select: ["jobtitle"] })).jobtitle, null);
  });

  await t.test("update does not create, upsert does, and both only as told", async () => {
    const id = "7f8d3c1a-5b1e-4c55-9d3e-0a1b2c3d4e5f";
    const data = { firstname: "Uma", lastname: "Upsert" };
    await refused(api.update({ collection: "contacts", key: id, data }), { status: 404 });
    assert.equal(await api.upsert({ collection: "contacts", key: id, data, ifmatch: "*" }), null);
    assert.equal(await api.upsert({ collection: "contacts", key: id, data }), id);
    assert.equal(await api.upsert({ collection: "contacts", key: id, data, ifnonematch: "*" }), null);
    await api.upsert({ collection: "contacts", key: id, data: { lastname: "Updated" } });
    assert.equal((await api.retrieve({ collection: "contacts", key: id, select: ["lastname"] })).lastname, "Updated");
    await api.deleteRecord({ collection: "contacts", key: id });
  });

  await t.test("delete, once", async () => {
    await api.deleteRecord({ collection: "contacts", key: contact });
    await refused(api.retrieve({ collection: "contacts", key: contact, select: ["fullname"] }), { status: 404, code: "0x80040217" });
    await refused(api.deleteRecord({ collection: "contacts", key: contact }), { status: 404, code: "0x80040217" });
    await api.deleteRecord({ collection: "accounts", key: account });
  });

  await t.test("what does not fit is refused with the service's codes", async () => {
    await refused(api.create({ collection: "contacts", data: { nosuchcolumn: 1 } }), { status: 400, message: /nosuchcolumn/ });
    await refused(api.retrieveMultiple({ collection: "contacts", filter: "nosuchcolumn eq 1" }), { status: 400, message: /nosuchcolumn/ });
    await refused(api.retrieveMultiple({ collection: "nosuchtables" }), { status: 404, message: /nosuchtables/ });
    await refused(api.create({ collection: "contacts", data: { lastname: "x".repeat(300) } }), { status: 400 });
  });
});

test("queries", async (t) => {
  const ids = [];
  for (let n = 0; n < 7; n++) {
    ids.push(await api.create({ collection: "contacts", data: { firstname: `Q${n}`, lastname: "Querysson", numberofchildren: n % 3 } }));
  }
  const filter = "lastname eq 'Querysson'";

  await t.test("filter, orderby, top, count", async () => {
    const page = await api.retrieveMultiple({
      collection: "contacts", select: ["firstname"], filter: `${filter} and numberofchildren ge 1`,
      orderBy: ["numberofchildren desc", "firstname asc"], top: 3, count: true,
    });
    assert.deepEqual(page.value.map((r) => r.firstname), ["Q2", "Q5", "Q1"]);
    assert.equal(page.oDataCount, 4);
    assert.equal(page.oDataNextLink, undefined);
    assert.equal(await api.count({ collection: "contacts", filter }), 7);
    assert.equal(await api.countAll({ collection: "contacts", filter, select: ["contactid"] }), 7);
    assert.ok((await api.count({ collection: "contacts" })) > 40);
  });

  await t.test("functions and parentheses in a filter", async () => {
    const found = async (text) => (await api.retrieveMultiple({ collection: "contacts", select: ["firstname"], filter: `${filter} and ${text}`, orderBy: ["firstname"] })).value.map((r) => r.firstname);
    assert.deepEqual(await found("(startswith(firstname,'q1') or endswith(firstname,'6'))"), ["Q1", "Q6"]);
    assert.deepEqual(await found("not contains(firstname,'Q')"), []);
    assert.deepEqual(await found("Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['Q3','Q4'])"), ["Q3", "Q4"]);
    assert.deepEqual(await found(`contactid eq {${ids[5]}}`), ["Q5"]);
  });

  await t.test("pages by nextLink", async () => {
    const names = [];
    const request = { collection: "contacts", select: ["firstname"], filter, orderBy: ["firstname desc"], maxPageSize: 3 };
    let page = await api.retrieveMultiple(request);
    const sizes = [page.value.length];
    names.push(...page.value);
    while (page.oDataNextLink) {
      page = await api.retrieveMultiple(request, page.oDataNextLink);
      sizes.push(page.value.length);
      names.push(...page.value);
    }
    assert.deepEqual(sizes, [3, 3, 1]);
    assert.deepEqual(names.map((r) => r.firstname), ["Q6", "Q5", "Q4", "Q3", "Q2", "Q1", "Q0"]);
    const all = await api.retrieveAll({ collection: "contacts", select: ["firstname"], filter, maxPageSize: 2 });
    assert.deepEqual(all.value.map((r) => r.contactid).sort(), [...ids].sort());
  });

  await t.test("expand a collection with its own options", async () => {
    const page = await api.retrieveMultiple({
      collection: "accounts", select: ["name"], filter: "contains(name,'Litware')",
      expand: [{ property: "contact_customer_accounts", select: ["fullname"], orderBy: ["fullname"], filter: "startswith(fullname,'S')" }],
    });
    assert.equal(page.value.length, 1);
    assert.deepEqual(page.value[0].contact_customer_accounts.map((r) => r.fullname), ["Susanna Stubberod"]);
  });

  await t.test("aggregates by $apply", async () => {
    const page = await api.retrieveMultiple({
      collection: "contacts", apply: `filter(${filter})/groupby((numberofchildren),aggregate($count as n))`,
    });
    const counted = Object.fromEntries(page.value.map((r) => [r.numberofchildren, r.n]));
    assert.deepEqual(counted, { 0: 3, 1: 2, 2: 2 });
  });

  await t.test("FetchXML, page by page with the cookie", async () => {
    const fetchXml = `<fetch count="3"><entity name="contact"><attribute name="firstname"/><order attribute="firstname"/><filter><condition attribute="lastname" operator="eq" value="Querysson"/></filter></entity></fetch>`;
    // Page fetchxml/page-results: "With the Web API you must request a paging cookie as an annotation."
    const bare = await api.fetch({ collection: "contacts", fetchXml });
    assert.equal(bare.PagingInfo, undefined);
    const collection = "contacts", includeAnnotations = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords";
    let page = await api.fetch({ collection, includeAnnotations, fetchXml });
    assert.deepEqual(page.value, bare.value);
    const names = page.value.map((r) => r.firstname);
    assert.equal(page.PagingInfo.page, 1);
    assert.equal(page.PagingInfo.nextPage, 2);
    assert.match(page.PagingInfo.cookie, /^&lt;cookie page=&quot;1&quot;/);
    page = await api.fetch({ collection, includeAnnotations, fetchXml, pageNumber: 2, pagingCookie: page.PagingInfo.cookie });
    names.push(...page.value.map((r) => r.firstname));
    assert.equal(page.PagingInfo.nextPage, 3);
    page = await api.fetch({ collection, includeAnnotations, fetchXml, pageNumber: 3, pagingCookie: page.PagingInfo.cookie });
    names.push(...page.value.map((r) => r.firstname));
    assert.equal(page.PagingInfo, undefined);
    assert.deepEqual(names, ["Q0", "Q1", "Q2", "Q3", "Q4", "Q5", "Q6"]);
    const all = await api.fetchAll({ collection, includeAnnotations, fetchXml });
    assert.deepEqual(all.value.map((r) => r.firstname), names);
  });

  await t.test("FetchXML with links and aggregates", async () => {
    const linked = await api.fetch({
      collection: "contacts", includeAnnotations: "*",
      fetchXml: `<fetch><entity name="contact"><attribute name="fullname"/><filter><condition attribute="fullname" operator="eq" value="Nancy Anderson"/></filter><link-entity name="account" from="accountid" to="parentcustomerid" alias="company"><attribute name="name"/><attribute name="customertypecode"/></link-entity></entity></fetch>`,
    });
    assert.equal(linked.value.length, 1);
    assert.equal(linked.value[0]["company.name"], "Adventure Works (sample)");
    assert.equal(linked.value[0]["company.customertypecode_Formatted"], "Customer");
    const sums = await api.fetch({
      collection: "contacts",
      fetchXml: `<fetch aggregate="true"><entity name="contact"><attribute name="contactid" alias="n" aggregate="count"/><attribute name="numberofchildren" alias="children" groupby="true"/><filter><condition attribute="lastname" operator="eq" value="Querysson"/></filter><order alias="children"/></entity></fetch>`,
    });
    assert.deepEqual(sums.value.map((r) => [r.children, r.n]), [[0, 3], [1, 2], [2, 2]]);
  });

  for (const key of ids) await api.deleteRecord({ collection: "contacts", key });
});

test("associate and disassociate", async () => {
  const account = await api.create({ collection: "accounts", data: { name: "Associates" } });
  const contact = await api.create({ collection: "contacts", data: { lastname: "Associate" } });
  const of = async () => (await api.retrieve({ collection: "contacts", key: contact, select: ["_parentcustomerid_value"] }))._parentcustomerid_value;

  await api.associateSingleValued({ collection: "contacts", primaryKey: contact, navigationProperty: "parentcustomerid_account", relatedCollection: "accounts", relatedKey: account });
  assert.equal(await of(), account);
  await api.disassociateSingleValued({ collection: "contacts", primaryKey: contact, navigationProperty: "parentcustomerid_account" });
  assert.equal(await of(), null);
  await api.associate({ collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedCollection: "contacts", relatedKey: contact });
  assert.equal(await of(), account);
  await api.disassociate({ collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedKey: contact });
  assert.equal(await of(), null);

  // Many-to-many.
  const lead = await api.create({ collection: "leads", data: { subject: "Paired", lastname: "Pair" } });
  await api.associate({ collection: "contacts", primaryKey: contact, relationshipName: "contactleads_association", relatedCollection: "leads", relatedKey: lead });
  const paired = async () => (await api.retrieve({ collection: "contacts", key: contact, select: ["lastname"], expand: [{ property: "contactleads_association", select: ["subject"] }] })).contactleads_association;
  assert.deepEqual((await paired()).map((r) => r.leadid), [lead]);
  await api.disassociate({ collection: "contacts", primaryKey: contact, relationshipName: "contactleads_association", relatedKey: lead });
  assert.deepEqual(await paired(), []);
  for (const [collection, key] of [["leads", lead], ["contacts", contact], ["accounts", account]]) await api.deleteRecord({ collection, key });
});

test("functions and actions", async (t) => {
  await t.test("WhoAmI and RetrieveVersion", async () => {
    const me = await api.callFunction("WhoAmI");
    for (const name of ["UserId", "BusinessUnitId", "OrganizationId"]) assert.match(me[name], guid);
    assert.match((await api.callFunction("RetrieveVersion")).Version, /^9\.2\./);
    const org = await api.callFunction({ functionName: "RetrieveCurrentOrganization", parameters: { AccessType: "Microsoft.Dynamics.CRM.EndpointAccessType'Default'" } });
    assert.equal(org.Detail.OrganizationId, me.OrganizationId);
  });

  await t.test("a bound function", async () => {
    const me = await api.callFunction("WhoAmI");
    const mine = await api.callFunction({ collection: "systemusers", key: me.UserId, functionName: "Microsoft.Dynamics.CRM.RetrieveUserPrivileges" });
    assert.ok(mine.RolePrivileges.length > 100);
  });

  await t.test("WinOpportunity and LoseOpportunity", async () => {
    for (const [actionName, state] of [["WinOpportunity", "Won"], ["LoseOpportunity", "Lost"]]) {
      const key = await api.create({ collection: "opportunities", data: { name: `To be closed by ${actionName}` } });
      const action = {
        OpportunityClose: { subject: "Closed by a client", "opportunityid@odata.bind": `opportunities(${key})` },
        Status: state === "Won" ? 3 : 4,
      };
      await api.callAction({ actionName, action });
      const row = await api.retrieve({ collection: "opportunities", key, select: ["statecode", "statuscode"], includeAnnotations: "*" });
      assert.equal(row.statecode_Formatted, state);
      await refused(api.callAction({ actionName, action }), { status: 400 });
    }
  });

  await t.test("QualifyLead, bound to a row", async () => {
    const key = await api.create({ collection: "leads", data: { subject: "Wants a truck", firstname: "Lena", lastname: "Lead", companyname: "Leads Ltd" } });
    const made = await api.callAction({
      collection: "leads", key, actionName: "Microsoft.Dynamics.CRM.QualifyLead",
      action: { CreateAccount: true, CreateContact: true, CreateOpportunity: true, Status: 3 },
    });
    assert.deepEqual(made.value.map((r) => r["@odata.type"]).sort(), ["account", "contact", "opportunity"].map((n) => `#Microsoft.Dynamics.CRM.${n}`));
    assert.equal((await api.retrieve({ collection: "leads", key, select: ["statecode"], includeAnnotations: "*" })).statecode_Formatted, "Qualified");
  });
});

test("batches", async (t) => {
  await t.test("reads and writes, answered in order", async () => {
    api.startBatch();
    api.create({ collection: "accounts", data: { name: "Batch one" }, inChangeSet: false });
    api.retrieveMultiple({ collection: "contacts", select: ["fullname"], filter: "fullname eq 'Nancy Anderson'" });
    api.callFunction("WhoAmI");
    api.count({ collection: "accounts", filter: "name eq 'Batch one'" });
    const [id, page, me, n] = await api.executeBatch();
    assert.match(id, guid);
    assert.equal(page.value[0].fullname, "Nancy Anderson");
    assert.match(me.UserId, guid);
    assert.equal(n, 1);
    await api.deleteRecord({ collection: "accounts", key: id });
  });

  await t.test("a change set whose rows refer to each other", async () => {
    api.startBatch();
    api.create({ collection: "accounts", data: { name: "Changed together" }, contentId: "1", inChangeSet: true });
    api.create({ collection: "contacts", data: { lastname: "Together", "parentcustomerid_account@odata.bind": "$1" }, contentId: "2", inChangeSet: true });
    api.update({ contentId: "$1", data: { "primarycontactid@odata.bind": "$2" }, inChangeSet: true });
    const [first, second] = await api.executeBatch();
    assert.equal((await api.retrieve({ collection: "accounts", key: first, select: ["_primarycontactid_value"] }))._primarycontactid_value, second);

    api.startBatch();
    api.create({ collection: "accounts", data: { name: "Changed together" }, contentId: "1", inChangeSet: true });
    api.create({ collection: "contacts", data: { lastname: "Together", "parentcustomerid_account@odata.bind": "$1" }, contentId: "2", inChangeSet: true });
    api.associateSingleValued({ collection: "$1", navigationProperty: "primarycontactid", relatedKey: "$2", inChangeSet: true });
    const [account, contact] = await api.executeBatch();
    const row = await api.retrieve({ collection: "accounts", key: account, select: ["_primarycontactid_value"] });
    assert.notEqual(account, first);
    assert.equal(row._primarycontactid_value, contact);
    assert.equal((await api.retrieve({ collection: "contacts", key: contact, select: ["_parentcustomerid_value"] }))._parentcustomerid_value, account);
  });

  await t.test("a change set with one failure leaves nothing", async () => {
    api.startBatch();
    api.create({ collection: "accounts", data: { name: "Never kept" }, inChangeSet: true });
    api.create({ collection: "accounts", data: { name: "x".repeat(200) }, inChangeSet: true });
    const failures = await api.executeBatch().catch((e) => e);
    assert.equal(failures.length, 1);
    assert.equal(failures[0].status, 400);
    assert.equal(await api.count({ collection: "accounts", filter: "name eq 'Never kept'" }), 0);
  });

  await t.test("with continueOnError the parts after a failure run", async () => {
    const missing = "11111111-2222-4333-8444-555555555555";
    const fill = () => {
      api.startBatch();
      api.retrieve({ collection: "contacts", key: missing, select: ["fullname"] });
      api.create({ collection: "accounts", data: { name: "After the failure" }, inChangeSet: false });
    };
    fill();
    const stopped = await api.executeBatch().catch((e) => e);
    assert.equal(stopped.length, 1);
    assert.equal(stopped[0].status, 404);
    assert.equal(await api.count({ collection: "accounts", filter: "name eq 'After the failure'" }), 0);
    fill();
    const [failure, id] = await api.executeBatch({ continueOnError: true });
    assert.equal(failure.status, 404);
    assert.match(id, guid);
  });
});

test("metadata", async (t) => {
  await t.test("tables", async () => {
    const tables = await api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: "LogicalName eq 'contact'" });
    assert.deepEqual(tables.value.map((r) => r.EntitySetName), ["contacts"]);
    const table = await api.retrieveEntity({ key: "LogicalName='contact'", select: ["MetadataId", "PrimaryIdAttribute"], expand: [{ property: "Attributes", select: ["LogicalName"], filter: "LogicalName eq 'fullname'" }] });
    assert.equal(table.PrimaryIdAttribute, "contactid");
    assert.deepEqual(table.Attributes.map((r) => r.LogicalName), ["fullname"]);
    assert.equal((await api.retrieveEntity({ key: table.MetadataId, select: ["LogicalName"] })).LogicalName, "contact");
    await refused(api.retrieveEntity({ key: "LogicalName='nosuchtable'" }), { status: 404 });
  });

  await t.test("attributes and their options", async () => {
    const entityKey = "LogicalName='account'";
    const all = await api.retrieveAttributes({ entityKey, select: ["LogicalName", "AttributeType"] });
    assert.equal(all.value.find((a) => a.LogicalName === "name").AttributeType, "String");
    const picks = await api.retrieveAttributes({ entityKey, castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", select: ["LogicalName"], expand: [{ property: "OptionSet" }] });
    const industry = picks.value.find((a) => a.LogicalName === "industrycode");
    assert.equal(industry.OptionSet.Options.find((o) => o.Value === 1).Label.UserLocalizedLabel.Label, "Accounting");
    const one = await api.retrieveAttribute({ entityKey, attributeKey: "LogicalName='name'", castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata", select: ["MaxLength"] });
    assert.equal(one.MaxLength, 160);
  });

  await t.test("relationships", async () => {
    const key = "SchemaName='contact_customer_accounts'";
    const one = await api.retrieveRelationship({ key, castType: "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata" });
    assert.equal(one.ReferencedEntity, "account");
    assert.equal(one.ReferencingAttribute, "parentcustomerid");
    const many = await api.retrieveRelationships({ castType: "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", select: ["SchemaName", "IntersectEntityName"], filter: "SchemaName eq 'contactleads_association'" });
    assert.deepEqual(many.value.map((r) => r.IntersectEntityName), ["contactleads"]);
  });

  await t.test("a global option set: create, retrieve, update, delete", async () => {
    const label = (text) => ({ "@odata.type": "Microsoft.Dynamics.CRM.Label", LocalizedLabels: [{ "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", Label: text, LanguageCode: 1033 }] });
    await api.createGlobalOptionSet({ data: { "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", Name: "nord_colour", DisplayName: label("Colour"), OptionSetType: "Picklist", IsGlobal: true, Options: [{ Value: 670100000, Label: label("Red") }] } });
    const key = "Name='nord_colour'";
    const set = await api.retrieveGlobalOptionSet({ key, castType: "Microsoft.Dynamics.CRM.OptionSetMetadata" });
    assert.deepEqual(set.Options.map((o) => [o.Value, o.Label.UserLocalizedLabel.Label]), [[670100000, "Red"]]);
    assert.ok((await api.retrieveGlobalOptionSets({ select: ["Name"] })).value.some((s) => s.Name === "nord_colour"));
    await api.deleteGlobalOptionSet({ key: set.MetadataId });
    await refused(api.retrieveGlobalOptionSet({ key }), { status: 404 });
  });

  await t.test("a column that is created can be written, filtered and updated", async () => {
    const label = (text) => ({ "@odata.type": "Microsoft.Dynamics.CRM.Label", LocalizedLabels: [{ "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", Label: text, LanguageCode: 1033 }] });
    const { MetadataId: entityKey } = await api.retrieveEntity({ key: "LogicalName='contact'", select: ["MetadataId"] });
    const id = await api.createAttribute({
      entityKey,
      data: {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", AttributeType: "String", AttributeTypeName: { Value: "StringType" }, SchemaName: "nord_Nickname",
        DisplayName: label("Nickname"), Description: label("What friends say"), RequiredLevel: { Value: "None", CanBeChanged: true, ManagedPropertyLogicalName: "canmodifyrequirementlevelsettings" },
        FormatName: { Value: "Text" }, MaxLength: 40,
      },
    });
    assert.match(id, guid);
    const contact = await api.create({ collection: "contacts", data: { lastname: "Named", nord_nickname: "Nick" } });
    const found = await api.retrieveMultiple({ collection: "contacts", select: ["nord_nickname"], filter: "nord_nickname eq 'nick'" });
    assert.deepEqual(found.value.map((r) => r.contactid), [contact]);
    const column = await api.retrieveAttribute({ entityKey, attributeKey: id, castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata" });
    assert.equal(column.LogicalName, "nord_nickname");
    column.DisplayName.LocalizedLabels[0].Label = "Pet name";
    // The page create-update-column-definitions-using-web-api puts to Attributes(…) without a cast; no page has one.
    await refused(api.updateAttribute({ entityKey, data: column, castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata", mergeLabels: true }), { status: 405 });
    // An answer to a cast does not name its type, the body of the PUT has to.
    await refused(api.updateAttribute({ entityKey, data: column, mergeLabels: true }), { status: 400, message: /@odata.type/ });
    column["@odata.type"] = "Microsoft.Dynamics.CRM.StringAttributeMetadata";
    await api.updateAttribute({ entityKey, data: column, mergeLabels: true });
    const again = await api.retrieveAttribute({ entityKey, attributeKey: id, select: ["DisplayName"] });
    assert.equal(again.DisplayName.UserLocalizedLabel.Label, "Pet name");
  });

  await t.test("$metadata", async () => {
    assert.match(await api.retrieveCsdlMetadata(), /<EntityType Name="contact"/);
  });
});

test("file columns: upload in chunks, read, delete", async () => {
  const label = (text) => ({ "@odata.type": "Microsoft.Dynamics.CRM.Label", LocalizedLabels: [{ "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", Label: text, LanguageCode: 1033 }] });
  const { MetadataId: entityKey } = await api.retrieveEntity({ key: "LogicalName='account'", select: ["MetadataId"] });
  await api.createAttribute({
    entityKey,
    data: { "@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata", SchemaName: "nord_Contract", DisplayName: label("Contract"), RequiredLevel: { Value: "None" }, MaxSizeInKB: 10240 },
  });
  const key = await api.create({ collection: "accounts", data: { name: "With a contract" } });
  const text = "Signed by Åsa. ".repeat(300000); // more than the 4 MB of one chunk
  const at = { collection: "accounts", key, property: "nord_contract" };
  await api.uploadFile({ ...at, fileName: "contract.txt", data: Buffer.from(text) });
  const row = await api.retrieve({ collection: "accounts", key, select: ["nord_contract", "nord_contract_name"] });
  assert.match(row.nord_contract, guid);
  assert.equal(row.nord_contract_name, "contract.txt");
  // The client downloads from the property itself, with ?size=full, in chunks.
  const got = await api.downloadFile(at);
  assert.equal(got.fileName, "contract.txt");
  assert.equal(Buffer.from(got.data).toString(), text);
  const file = await fetch(`${server}/api/data/v9.2/accounts(${key})/nord_contract/$value`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(file.headers.get("x-ms-file-name"), "contract.txt");
  assert.equal(await file.text(), text);
  await api.deleteRecord(at);
  assert.equal((await api.retrieve({ collection: "accounts", key, select: ["nord_contract"] })).nord_contract, null);
  await api.deleteRecord({ collection: "accounts", key });
});

test("sharing and marketing lists by actions", async () => {
  const { UserId: user } = await api.callFunction("WhoAmI");
  const contact = await api.create({ collection: "contacts", data: { lastname: "Shared" } });
  await api.callAction({
    actionName: "GrantAccess",
    action: {
      Target: { "@odata.type": "Microsoft.Dynamics.CRM.contact", contactid: contact },
      PrincipalAccess: { AccessMask: "ReadAccess,WriteAccess", Principal: { "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: user } },
    },
  });
  const shares = await api.retrieveMultiple({ collection: "principalobjectaccessset", select: ["accessrightsmask"], filter: `objectid eq ${contact}` });
  assert.deepEqual(shares.value.map((s) => s.accessrightsmask), [3]);
  const list = await api.create({ collection: "lists", data: { listname: "News", createdfromcode: 2 } });
  const member = await api.callAction({ collection: "lists", key: list, actionName: "Microsoft.Dynamics.CRM.AddMemberList", action: { EntityId: contact } });
  assert.match(member.Id, guid);
  for (const [collection, key] of [["lists", list], ["contacts", contact]]) await api.deleteRecord({ collection, key });
});

test("change tracking", async () => {
  const select = ["name", "telephone1"];
  const gone = await api.create({ collection: "accounts", data: { name: "Goes" } });
  const first = await api.retrieveMultiple({ collection: "accounts", select, trackChanges: true });
  assert.ok(first.value.some((r) => r.accountid === gone));
  assert.match(first.oDataDeltaLink, /\$deltatoken=\d+%21/);
  const made = await api.create({ collection: "accounts", data: { name: "Comes", telephone1: "555" } });
  await api.deleteRecord({ collection: "accounts", key: gone });
  const then = await api.retrieveMultiple({ collection: "accounts", select }, first.oDataDeltaLink);
  assert.deepEqual(then.value.map((r) => r.reason ?? r.name), ["Comes", "deleted"]);
  assert.equal(then.value[1].id, gone);
  const last = await api.retrieveMultiple({ collection: "accounts" }, then.oDataDeltaLink);
  assert.deepEqual(last.value, []);
  await refused(api.retrieveMultiple({ collection: "accounts", filter: "name eq 'x'", trackChanges: true }), { status: 400, message: /\$filter.*isn't supported when Change Tracking is enabled/ });
  await api.deleteRecord({ collection: "accounts", key: made });
});
