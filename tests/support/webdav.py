"""A real WebDAV server: wsgidav on cheroot, in a thread, on a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

__all__ = ["WebdavServer"]


class WebdavServer:
    """``with WebdavServer() as server``. ``folder``: what ``url`` shows, on this machine's disk."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="seqsave-webdav-"))
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def storage_options(self) -> dict[str, Any]:
        return {"base_url": f"http://127.0.0.1:{self._server.bind_addr[1]}", "auth": ("me", "hush-hush-hush")}

    url = "webdav://renders"

    def __enter__(self) -> WebdavServer:
        from cheroot import wsgi
        from wsgidav.wsgidav_app import WsgiDAVApp

        application = WsgiDAVApp(
            {
                "provider_mapping": {"/": str(self.folder)},
                "simple_dc": {"user_mapping": {"*": {"me": {"password": "hush-hush-hush"}}}},
                "verbose": 0,
                "logging": {"enable": False},
            }
        )
        self._server = wsgi.Server(("127.0.0.1", 0), application, numthreads=20)
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        assert self._thread is not None
        self._thread.join(10)
        shutil.rmtree(self.folder, ignore_errors=True)
