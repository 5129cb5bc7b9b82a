"""A digest in a record, by which a changed digit is noticed when the record is read."""

from collections.abc import Mapping
import hashlib
import json
from typing import Any

_ENTRY = "digest"


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a record as JSON holds it, with the digest of all its other entries at its end.

    Raises:
        ValueError: If JSON cannot hold it, such as NaN.
    """
    plain = json.loads(json.dumps(record, allow_nan=False))
    return {**plain, _ENTRY: _digest(plain)}


def unsealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a record without its digest. Records of earlier releases have none.

    Raises:
        ValueError: If the digest is not that of the other entries.
    """
    rest = {name: value for name, value in record.items() if name != _ENTRY}
    if _ENTRY in record and record[_ENTRY] != _digest(rest):
        raise ValueError(f"other values than those with the digest {record[_ENTRY]!s:.12}, "
                         "which it had when it was written")
    return rest


def _digest(record):
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
