"""A fake Dataverse for a test, in a container of its own: start, wait until it is ready, stop. It needs nothing but Python.

GALLRA_EMULATOR is the command that starts it, with {port} for a free port of this machine. Left out, that is docker.
"""
import json
import os
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request

COMMAND = os.environ.get("GALLRA_EMULATOR", "docker run --rm -p 127.0.0.1:{port}:8080 gallra-emulator")


class Emulator:
    def __init__(self, *flags):
        self.flags = flags
        self.token = "emulator"

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = shlex.split(COMMAND.replace("{port}", str(port))) + list(self.flags)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self.url + "/emulator/health").close()
                return self
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError("the emulator does not begin: " + " ".join(command))
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None):
        """A request to the Web API, or to the control plane where the path begins with /emulator/."""
        if not path.startswith("/"):
            path = "/api/data/v9.2/" + path
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None
