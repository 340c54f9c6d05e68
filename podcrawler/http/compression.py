"""Pages and feeds whose Content-Encoding is not true: a body that is not compressed as it says is taken as it is."""

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.responsetypes import responsetypes
from typing_extensions import override


class CompressionMiddleware(HttpCompressionMiddleware):
    """Replaces Scrapy's HttpCompressionMiddleware, which fails with an exception of the decompressor."""

    @override
    def process_response(  # type: ignore[override]  # the spider argument is deprecated
        self, request: Request, response: Response
    ) -> Request | Response:
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            raise
        except Exception:
            # Each coding's library has exceptions of its own.
            headers = response.headers.copy()
            del headers["Content-Encoding"]
            kind = responsetypes.from_args(headers=headers, url=response.url, body=response.body)
            return response.replace(cls=kind, headers=headers)
