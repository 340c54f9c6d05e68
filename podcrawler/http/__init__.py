"""How the web is asked.

aiohttp makes two contexts of TLS when it is imported, for requests that bring none, and reads the certificates of all
authorities for each: a tenth of a second. Those of client.py bring one. So aiohttp is imported here, and reads them
when it needs them.
"""

import ssl
from typing import Any

from typing_extensions import override


class _LateContext(ssl.SSLContext):
    """A context that loads the certificates of the authorities with its first connection."""

    _has_certificates = False

    @override
    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        if not self._has_certificates:
            self._has_certificates = True
            self.load_default_certs()
        return super().wrap_bio(*arguments, **options)


def _import_aiohttp() -> None:
    create = ssl.create_default_context
    ssl.create_default_context = lambda *_, **__: _LateContext(ssl.PROTOCOL_TLS_CLIENT)
    # The other context checks no certificates.
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment, method-assign]
    try:
        import aiohttp.connector  # noqa: F401
    finally:
        ssl.create_default_context = create
        del ssl.SSLContext.set_default_verify_paths


_import_aiohttp()
