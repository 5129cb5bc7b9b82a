"""Writes rows as values of JSON."""

import base64
import io
from typing import Any

import numpy as np
import PIL.Image

from attacks.endpoint.failures import EndpointError

# JPEG at high quality, with colours at full resolution.
_OPTIONS = {"png": {}, "jpeg": {"quality": 95, "subsampling": 0}}


def write_rows(inputs: np.ndarray, form: str) -> list[Any]:
    """Writes each row of a batch.

    Args:
        inputs: Array `[n, ...]`.
        form: `nested` or `flat` lists, or `png` or `jpeg` in base64, for which the inputs are
            images of uint8, `[n, height, width]` or with 1, 3 or 4 channels.

    Raises:
        EndpointError: If an image is asked for and the inputs are not images.
    """
    if form == "nested":
        return inputs.tolist()
    if form == "flat":
        return inputs.reshape(len(inputs), -1).tolist()
    return [_image(row, form) for row in inputs]


def _image(row, form):
    if row.ndim == 3 and row.shape[2] == 1:
        row = row[..., 0]
    is_image = row.ndim == 2 or row.ndim == 3 and row.shape[2] in (3, 4)
    if not is_image or row.shape[-1] == 4 and row.ndim == 3 and form == "jpeg":
        raise EndpointError(f"`rows` must be nested or flat where an input is no image that {form} "
                            f"can hold. Received: inputs of shape {row.shape}")
    buffer = io.BytesIO()
    PIL.Image.fromarray(row).save(buffer, form.upper(), **_OPTIONS[form])
    return base64.b64encode(buffer.getvalue()).decode()
