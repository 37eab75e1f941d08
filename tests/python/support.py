"""What the tests share: an example on a free port, tokens of users of `contract`, bounded waits."""

import os
import queue
import socket
import subprocess
import threading
import urllib.parse
import urllib.request

# How long a test waits for one event before it fails, in seconds.
PATIENCE = 15


class Server:
    """An example that a test starts and stops."""

    def __init__(self, example):
        folder = os.environ.get("EXAMPLES")
        if not folder:
            raise RuntimeError("EXAMPLES must be the folder of the built examples; ./.ci/test sets it")
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        options = ["--urls", self.url] if example == "contract" else [address]
        self._child = subprocess.Popen(
            [os.path.join(folder, example), *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        is_ready = threading.Event()
        threading.Thread(target=self._listen, args=(is_ready,), daemon=True).start()
        if not is_ready.wait(PATIENCE) or self._child.poll() is not None:
            self.stop()
            raise RuntimeError("the server does not listen")

    def _listen(self, is_ready):
        """Reads all that it says, so that it never waits for its reader."""
        for line in self._child.stdout:
            if "listening on " in line.lower():
                is_ready.set()
        is_ready.set()

    def stop(self):
        self._child.terminate()
        try:
            self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()

    def token(self, **claims):
        query = urllib.parse.urlencode(claims)
        with urllib.request.urlopen(f"{self.url}/token?{query}", timeout=PATIENCE) as answer:
            return answer.read().decode()


class Events:
    """What callbacks on other threads have brought, in its order."""

    def __init__(self):
        self._queue = queue.Queue()

    def put(self, *event):
        self._queue.put(event[0] if len(event) == 1 else event)

    def next(self):
        return self._queue.get(timeout=PATIENCE)
