"""A stand-in for Google Cloud Storage on this machine, for the tests.

TensorFlow's own client asks it: the client takes a proxy and a certificate from
the environment, and the proxy is the storage. It answers what reading needs.
"""

import contextlib
import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import urllib.parse

import pytest

_HOSTS = ("www.googleapis.com", "storage.googleapis.com")
# Names in one answer; few, so that listings go on for several.
_PAGE = 3


class Storage(http.server.ThreadingHTTPServer):
  """The buckets, and what was asked.

  Attributes:
    buckets: {bucket: {object: bytes}}.
    asked: the path of every request.
    status: answers all requests, if it is not 0.
    speaking: while it is cleared, all requests wait.
  """

  def __init__(self, certificate, key):
    """Starts to answer at a port of its own."""
    super().__init__(("127.0.0.1", 0), _Answers)
    self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    self.tls.load_cert_chain(certificate, key)
    self.buckets = {}
    self.asked = []
    self.status = 0
    self.speaking = threading.Event()
    self.speaking.set()

  def handle_error(self, request, client_address):
    """Says nothing when a client hangs up."""

  def upload(self, bucket, folder) -> str:
    """Takes a bucket's objects from a folder and returns its URL."""
    self.buckets[bucket] = {
      path.relative_to(folder).as_posix(): path.read_bytes()
      for path in pathlib.Path(folder).rglob("*")
      if path.is_file()
    }
    return f"gs://{bucket}"

  def answer(self, target) -> tuple[int, bytes]:
    """Returns the status and the body for a request's path."""
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    parts = [urllib.parse.unquote(part) for part in url.path.split("/")[1:]]
    about = parts[:3] == ["storage", "v1", "b"]
    bucket, name = (parts[3], parts[5:]) if about else (parts[0], parts[1:])
    objects = self.buckets.get(bucket)
    if objects is None:
      return 404, b"{}"
    if about and not name:
      listing = _listing(objects, query) if len(parts) == 5 else {}
      return 200, json.dumps(listing).encode()
    name = "/".join(name)
    if name not in objects:
      return 404, b"{}"
    if not about:
      return 200, objects[name]
    updated = "2026-01-01T00:00:00.000Z"
    size = str(len(objects[name]))
    facts = {"size": size, "generation": "1", "updated": updated}
    return 200, json.dumps(facts).encode()


class _Answers(http.server.BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"
  # Heads and bodies leave together; apart they take 40 ms.
  wbufsize = -1

  def do_CONNECT(self):
    """Talks with a client as if it had reached the host that it wants."""
    self.send_response(200)
    self.end_headers()
    self.wfile.flush()
    self.request = self.server.tls.wrap_socket(self.request, server_side=True)
    self.setup()
    self.close_connection = False

  def do_GET(self):
    self.server.asked.append(self.path)
    self.server.speaking.wait()
    status, body = self.server.status, b"{}"
    if not status:
      status, body = self.server.answer(self.path)
    if status == 200 and "Range" in self.headers:
      first, last = self.headers["Range"].removeprefix("bytes=").split("-")
      status, body = 206, body[int(first) : int(last) + 1]
    self.send_response(status)
    self.send_header("Content-Length", str(len(body)))
    self.end_headers()
    self.wfile.write(body)

  def finish(self):
    """Closes the encrypted connection too."""
    with contextlib.suppress(OSError):
      super().finish()
    self.request.close()

  def log_message(self, *args):
    """Writes nothing to the terminal."""


def _listing(objects, query):
  """Returns one page of the names below a prefix, folders apart."""
  prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
  items, folders = [], set()
  for name in sorted(name for name in objects if name.startswith(prefix)):
    head, slash, _ = name[len(prefix) :].partition("/")
    if slash and delimiter:
      folders.add(prefix + head + slash)
    else:
      items.append({"name": name})
  start = int(query.get("pageToken", 0))
  stop = start + min(_PAGE, int(query.get("maxResults", _PAGE)))
  page = {"items": items[start:stop]}
  if not start:
    page["prefixes"] = sorted(folders)
  if stop < len(items):
    page["nextPageToken"] = str(stop)
  return page


@contextlib.contextmanager
def serve(folder):
  """Yields a `Storage` that gs:// leads to; `folder` is for its certificate."""
  certificate, key = folder / "certificate.pem", folder / "key.pem"
  names = ",".join(f"DNS:{host}" for host in _HOSTS)
  command = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -addext"
    f" subjectAltName={names} -keyout key.pem -out certificate.pem"
  )
  subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
  with (
    Storage(certificate, key) as storage,
    pytest.MonkeyPatch.context() as env,
  ):
    env.setenv("https_proxy", f"http://127.0.0.1:{storage.server_port}")
    env.setenv("CURL_CA_BUNDLE", str(certificate))
    # Nobody's own credentials, and no search for those of a machine.
    env.setenv("NO_GCE_CHECK", "true")
    env.setenv("CLOUDSDK_CONFIG", str(folder))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "no_proxy", "NO_PROXY"):
      env.delenv(name, raising=False)
    thread = threading.Thread(target=storage.serve_forever)
    thread.start()
    yield storage
    storage.speaking.set()
    storage.shutdown()
    thread.join()
