"""A bucket: where it is, the client that speaks to it, and its errors as sentences. Needs boto3, which is an extra.

Apart from s3.py, because commands that only list files do without Scrapy.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from podcrawler.exceptions import MediaError, StoreError

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError as BotoCoreError
    from botocore.exceptions import ClientError as ClientError
    from s3transfer.utils import ReadFileChunk as ReadFileChunk
except ImportError as missing:
    raise StoreError(
        f"A store in a bucket needs boto3, which is not installed here ({missing.name}): pip install 'podcrawler[s3]'."
    ) from None

# Its DEBUG has the headers of each request, with the session token and the signature.
logging.getLogger("botocore").setLevel(logging.INFO)

#: What a code means, and what to do about it.
_MEANINGS = {
    "NoSuchBucket": "does not exist: create it, or correct FILES_STORE",
    "404": "does not exist: create it, or correct FILES_STORE",
    "AccessDenied": "refuses these credentials: they need s3:ListBucket, s3:GetObject and s3:PutObject",
    "403": "refuses these credentials: they need s3:ListBucket, s3:GetObject and s3:PutObject",
    "InvalidAccessKeyId": "does not know the access key: correct AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "refuses the secret key: correct AWS_SECRET_ACCESS_KEY",
}


class Place(NamedTuple):
    """Where the files are."""

    bucket: str
    #: With a slash at its end, or empty.
    prefix: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """That of ``s3://bucket/prefix``."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        return cls(bucket, prefix.strip("/") + "/" if prefix.strip("/") else "")

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def open_client(settings: Mapping[str, Any]) -> Any:
    """boto3's client of S3, with Scrapy's settings for it; boto3 finds those that are not set. StoreError if they
    cannot be used."""
    try:
        return boto3.client(
            "s3",
            aws_access_key_id=settings.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=settings.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=settings.get("AWS_SESSION_TOKEN"),
            endpoint_url=settings.get("AWS_ENDPOINT_URL"),
            region_name=settings.get("AWS_REGION_NAME"),
            use_ssl=settings.get("AWS_USE_SSL"),
            verify=settings.get("AWS_VERIFY"),
            config=Config(
                connect_timeout=10,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 4},
                # Other services than Amazon's do not know the checksums that boto3 adds by itself.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise StoreError(
            f"The store {settings['FILES_STORE']} cannot be used ({error}): correct the AWS_ settings."
        ) from None


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """What goes wrong with the store ``uri`` becomes a MediaError."""
    try:
        yield
    except ClientError as error:
        if meaning := _MEANINGS.get(code(error)):
            raise refused(uri, meaning) from error
        raise MediaError(
            "store-error", f"The store {uri} answers with an error ({error}); try again later.", "passing"
        ) from error
    except BotoCoreError as error:
        # No credentials, or no way to the service.
        raise MediaError(
            "store-error",
            f"The store {uri} cannot be reached ({' '.join(str(error).split())}): check AWS_ENDPOINT_URL, "
            "the AWS_ settings of credentials, and the network.",
            "passing",
        ) from error


def refused(uri: str, meaning: str) -> MediaError:
    """The error for what the store does not do, or has wrong."""
    return MediaError("store-error", f"The store {uri} {meaning}.", "local")


def code(error: ClientError) -> str:
    """The service's own name for the error."""
    return str(error.response.get("Error", {}).get("Code", ""))
