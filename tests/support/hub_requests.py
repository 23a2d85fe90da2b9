"""What the stand-in of the hub answers, request by request: see `hub_stand_in`."""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from support.hub_stand_in import HubStandIn, Repository

LARGE = (".safetensors", ".onnx", ".weights")


class Handler(BaseHTTPRequestHandler):
    """One connection. Errors carry the code by which huggingface_hub tells them apart."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> "HubStandIn":
        return cast("HubStandIn", self.server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the tests read `requests`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append((self.command, path))
        if self.hub.limited:
            self._send(429, {"error": "rate limited"}, {"Retry-After": "0"})
        elif "/resolve/" in path:
            self._file(path)
        elif self.command == "PUT":
            self.hub.large[path.rpartition("/")[2]] = body
            self._send(200, {})
        elif self.command == "POST":
            self._write(path, body)
        else:
            self._send(404, {"error": "not known to the stand-in"})

    def _may_read(self, repository: "Repository | None") -> bool:
        return repository is not None and (not repository.private or self._has_token())

    def _has_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _file(self, path: str) -> None:
        name, _, rest = path[1:].partition("/resolve/")
        revision, _, file = rest.partition("/")
        repository = self.hub.repositories.get(name)
        if repository is None or not self._may_read(repository):
            return self._send(404 if self._has_token() else 401, {}, {"X-Error-Code": "RepoNotFound"})
        commit = repository.resolve(revision)
        if commit is None:
            return self._send(404, {}, {"X-Error-Code": "RevisionNotFound"})
        data = repository.commits[commit].get(file)
        if data is None:
            return self._send(404, {}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self._bytes(file, data, commit)

    def _bytes(self, file: str, data: bytes, commit: str) -> None:
        large = file.endswith(LARGE)
        tag = hashlib.sha256(data).hexdigest() if large else hashlib.sha1(data).hexdigest()
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if large:
            headers |= {"X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(len(data))}
        asked, start = self.headers.get("Range"), 0
        if asked and self.command == "GET":
            self.hub.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if start else 200)
        for name, value in {**headers, "Content-Length": str(len(data) - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if file in self.hub.torn:
            self.hub.torn.discard(file)
            self.wfile.write(data[start : start + (len(data) - start) // 2])
            self.close_connection = True
            return
        self.wfile.write(data[start:])

    def _write(self, path: str, body: bytes) -> None:
        if path == "/api/validate-yaml":
            content = json.loads(body)["content"]
            errors = [] if "\n---" in content else [{"message": "the card has no metadata"}]
            return self._send(400 if errors else 200, {"errors": errors, "warnings": []})
        if not self._has_token():
            return self._send(401, {"error": "Invalid username or password."})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.endswith("/info/lfs/objects/batch"):
            wanted = json.loads(body)["objects"]
            upload = {"upload": {"href": f"{self.hub.url}/lfs/"}}
            objects = [
                {**one, "actions": {"upload": {"href": upload["upload"]["href"] + one["oid"]}}} for one in wanted
            ]
            return self._send(200, {"transfer": "basic", "objects": objects})
        parts = path.removeprefix("/api/models/").split("/")
        name, action, revision = "/".join(parts[:2]), parts[2], "/".join(parts[3:])
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._send(404, {}, {"X-Error-Code": "RepoNotFound"})
        if action == "preupload":
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular"}
                for f in json.loads(body)["files"]
            ]
            return self._send(200, {"files": [{**mode, "shouldIgnore": False} for mode in modes]})
        if action in ("branch", "tag"):
            if action == "tag":
                tag = json.loads(body)["tag"]
                repository.names[tag] = repository.resolve(revision) or ""
            else:
                repository.names.setdefault(revision, repository.names["main"])
            return self._send(200, {})
        if action == "commit":
            return self._commit(name, repository, revision, body)
        return self._send(404, {"error": "not known to the stand-in"})

    def _create(self, asked: dict[str, Any]) -> None:
        from support.hub_stand_in import Repository

        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = {"url": f"{self.hub.url}/{name}", "name": name}
        if name in self.hub.repositories:
            return self._send(409, {"error": "You already created this model repo", **url})
        made = self.hub.repositories[name] = Repository(
            bool(asked.get("private")) or asked.get("visibility") == "private"
        )
        made.commit("main", {".gitattributes": b""})
        return self._send(200, url)

    def _commit(self, name: str, repository: "Repository", branch: str, body: bytes) -> None:
        changed = {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                data = self.hub.large[value["oid"]]
                if hashlib.sha256(data).hexdigest() != value["oid"]:
                    return self._send(400, {"error": "an LFS object differs from its name"})
                changed[value["path"]] = data
        oid = repository.commit(branch, changed)
        return self._send(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{name}/commit/{oid}"})

    def _send(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
