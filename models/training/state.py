"""How far a training is."""
import dataclasses
import io
import json
from typing import Any

import numpy as np

from models.training.early_stopping import EarlyStopping


@dataclasses.dataclass
class TrainingState:
    """What a training knows besides its variables.

    Attributes:
        stopper: decides on early stopping, or `None`.
        done: the steps done.
        seconds, waited: see `models.training.trainer.Trained`.
        watched: likewise, as a list of pairs; JSON can write the values.
        is_over: whether training is at its end, and the variables those that it gives back.
    """
    stopper: EarlyStopping | None = None
    done: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    watched: list[tuple[int, Any]] = dataclasses.field(default_factory=list)
    is_over: bool = False

    def pack(self) -> bytes:
        """All of it, as a NumPy archive without pickled objects."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        best, arrays = self.stopper.state() if self.stopper else (None, [])
        packed = io.BytesIO()
        np.savez(packed, *arrays, plain=np.array(json.dumps([plain, best])))
        return packed.getvalue()

    def unpack(self, packed: bytes) -> None:
        """Takes over what was packed."""
        with np.load(io.BytesIO(packed)) as archive:
            plain, best = json.loads(str(archive["plain"]))
            arrays = [archive[f"arr_{number}"] for number in range(len(archive.files) - 1)]
        for name in _PLAIN:
            setattr(self, name, plain[name])
        self.watched = [tuple(pair) for pair in self.watched]
        if self.stopper:
            self.stopper.set_state(best, arrays)


_PLAIN = ("done", "seconds", "waited", "watched", "is_over")
