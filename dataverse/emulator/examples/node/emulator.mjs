// A fake Dataverse for a test, in a container of its own: start, wait until it is ready, stop. It needs nothing but Node 18 or later.
//
// GALLRA_EMULATOR is the command that starts it, with {port} for a free port of this machine. Left out, that is docker.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const command = process.env.GALLRA_EMULATOR ?? "docker run --rm -p 127.0.0.1:{port}:8080 gallra-emulator";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts an emulator with these flags and resolves when it is ready. */
export async function startEmulator(...flags) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const [program, ...args] = command.replaceAll("{port}", port).split(" ");
  const child = spawn(program, [...args, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
  const stop = async () => {
    if (child.exitCode === null && child.kill()) await once(child, "exit");
  };
  for (const deadline = Date.now() + 60_000; ; await pause(50)) {
    const ready = await fetch(url + "/emulator/health").catch(() => undefined);
    if (ready?.ok) break;
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the emulator does not begin: ${command}`);
    }
  }
  /** A request to the Web API, or to the control plane where the path begins with /emulator/. */
  const call = async (method, path, body) => {
    const answer = await fetch(path.startsWith("/") ? url + path : `${url}/api/data/v9.2/${path}`, {
      method,
      headers: { Authorization: "Bearer emulator", "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : undefined };
  };
  return { url, token: "emulator", call, stop };
}
