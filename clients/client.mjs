// What the scripts share: where the service is, and checks on how it refuses.
import assert from "node:assert/strict";

/** Address of the environment, without the path of the Web API. */
export const server = need("GALLRA_SERVER");
/** The same with an option that a client does not get along with. */
export const strictServer = process.env.GALLRA_STRICT_SERVER;
/** A bearer token that the environment takes. */
export const token = need("GALLRA_TOKEN");

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the scripts are started by clients_test.go`);
  return value;
}

export const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Runs a promise that has to be refused with that status (where the client keeps it) and code. */
export async function refused(promise, { status, code, message }) {
  const error = await promise.then(
    (value) => assert.fail(`taken, with ${JSON.stringify(value)}`),
    (reason) => reason,
  );
  if (error instanceof assert.AssertionError) throw error;
  if (status !== undefined) assert.equal(error.status, status, error.message);
  if (code !== undefined) assert.equal(error.code, code, error.message);
  if (message !== undefined) assert.match(error.message, message);
  return error;
}
