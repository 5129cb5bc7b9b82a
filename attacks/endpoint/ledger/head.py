"""The head of a log: what the log must hold."""

import dataclasses
import json
import zlib

VERSION = 2
HEAD_BYTES = 4096
_NAME = b"revsig_keras ledger, version "


@dataclasses.dataclass(frozen=True)
class Head:
    """The state of a log after a commit.

    Attributes:
        count: The number of records.
        end: Where their frames end.
        digest: Digest of the frames, in hexadecimal.
    """
    count: int
    end: int
    digest: str

    def encode(self) -> bytes:
        """Returns the bytes, all of them covered by a checksum."""
        content = _NAME + json.dumps([VERSION, dataclasses.astuple(self)]).encode()
        return _sealed(content.ljust(HEAD_BYTES - 9))

    @classmethod
    def decode(cls, data: bytes) -> "Head | None":
        """Reads a head; returns None if it is damaged.

        Raises:
            ValueError: If it is of another version.
        """
        content = data[:HEAD_BYTES - 9]
        if not data.startswith(_NAME) or data != _sealed(content):
            return None
        version, fields = json.loads(content[len(_NAME):])
        if version != VERSION:
            raise ValueError(f"version {version}")
        return cls(*fields)


def looks_like_head(data: bytes) -> bool:
    """Whether a file that begins with these bytes was a log, however damaged or short."""
    return bool(data) and _NAME.startswith(data[:len(_NAME)])


def _sealed(content):
    return content + f" {zlib.crc32(content):08x}".encode()
