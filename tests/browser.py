"""A browser without a window, for the tests of pages.

It is spoken to in the DevTools protocol through two pipes, which needs nothing
but Chromium.
"""

import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
# Chromium reads from file 3 and writes to file 4.
_START = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, theirs in zip(ours, (3, 4)):
  os.dup2(end, theirs)
os.execv(sys.argv[3], sys.argv[3:])
"""
_TIMEOUT_SECONDS = 30
# Those that are no letters or digits: code of the key and what it types.
_KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Backspace": (8, "")}


class Browser:
  """One page of a Chromium that ends with the `with` block.

  Attributes:
    requests: the addresses that the page asked for.
    complaints: uncaught errors and what the browser logged.
  """

  def __init__(self, folder: pathlib.Path):
    """Starts it; all that it keeps and downloads goes to `folder`."""
    self.requests, self.complaints = [], []
    self._number, self._unread, self._session = 0, b"", None
    source, self._sink = os.pipe()
    self._source, sink = os.pipe()
    self._process = subprocess.Popen(
      [
        *(sys.executable, "-ISc", _START, str(source), str(sink), PROGRAM),
        *("--headless", "--remote-debugging-pipe", "--disable-gpu"),
        # Root has no sandbox, and the pages are our own.
        *("--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-extensions"),
        *(f"--user-data-dir={folder / 'profile'}", "about:blank"),
      ],
      pass_fds=(source, sink),
      env={**os.environ, "HOME": str(folder)},
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    os.close(source)
    os.close(sink)
    try:
      target = self._call("Target.createTarget", url="about:blank")
      self._session = self._call(
        "Target.attachToTarget", targetId=target["targetId"], flatten=True
      )["sessionId"]
      for domain in ("Page", "Runtime", "Network", "Log"):
        self._call(f"{domain}.enable")
      self._call(
        "Browser.setDownloadBehavior",
        behavior="allow",
        downloadPath=str(folder),
      )
    except BaseException:
      self.close()
      raise

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()

  def close(self) -> None:
    """Ends the browser, which ends its own processes."""
    os.close(self._sink)  # it takes this as its end
    try:
      self._process.wait(10)
    except subprocess.TimeoutExpired:
      self._process.kill()
      self._process.wait()
    os.close(self._source)

  def open(self, path: pathlib.Path) -> None:
    """Opens a file, or opens it again."""
    self._call("Page.navigate", url=path.as_uri())
    self.wait_for(f"location.href === {json.dumps(path.as_uri())}")
    self.wait_for("document.readyState === 'complete'")

  def run(self, script: str):
    """Returns the value of a piece of JavaScript."""
    reply = self._call(
      "Runtime.evaluate", expression=script, returnByValue=True
    )
    assert "exceptionDetails" not in reply, reply
    return reply["result"].get("value")

  def wait_for(self, condition: str) -> None:
    """Waits until a piece of JavaScript is true."""
    end = time.monotonic() + _TIMEOUT_SECONDS
    while not self.run(condition):
      assert time.monotonic() < end, condition
      time.sleep(0.02)

  def press(self, key: str) -> None:
    """Presses a key, of which a character is its own name."""
    code, text = _KEYS.get(key) or (ord(key.upper()), key)
    event = {"key": key, "windowsVirtualKeyCode": code}
    self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
    self._call("Input.dispatchKeyEvent", type="keyUp", **event)

  def write(self, text: str) -> None:
    """Types into what has the focus."""
    self._call("Input.insertText", text=text)

  def resize(self, width: int, height: int) -> None:
    """Makes the page so large, in CSS pixels."""
    self._call(
      "Emulation.setDeviceMetricsOverride",
      width=width,
      height=height,
      deviceScaleFactor=1,
      mobile=False,
    )

  def _call(self, method, **parameters):
    self._number += 1
    message = {"id": self._number, "method": method, "params": parameters}
    # Downloads and pages are the whole browser's.
    if self._session and not method.startswith(("Browser.", "Target.")):
      message["sessionId"] = self._session
    os.write(self._sink, json.dumps(message).encode() + b"\0")
    while (reply := self._read()).get("id") != self._number:
      self._note(reply.get("method"), reply.get("params"))
    assert "error" not in reply, (method, reply["error"])
    return reply["result"]

  def _read(self):
    """Returns the next message."""
    while b"\0" not in self._unread:
      ready, _, _ = select.select([self._source], [], [], _TIMEOUT_SECONDS)
      part = os.read(self._source, 2**20) if ready else b""
      assert part, f"{PROGRAM} says nothing more"
      self._unread += part
    message, _, self._unread = self._unread.partition(b"\0")
    return json.loads(message)

  def _note(self, method, parameters):
    if method == "Network.requestWillBeSent":
      self.requests.append(parameters["request"]["url"])
    elif method in ("Runtime.exceptionThrown", "Log.entryAdded"):
      self.complaints.append(parameters)
