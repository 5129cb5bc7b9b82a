"""The progress of a training."""
import dataclasses
import io
import json
from typing import Any

import numpy as np

from models.training.early_stopping import EarlyStopping


@dataclasses.dataclass
class TrainingState:
    """The state of a training besides its variables.

    Attributes:
        stopper: Decides on early stopping, or `None`.
        done: The number of steps done.
        seconds: See `models.training.trainer.Trained`.
        waited: `input_seconds` there.
        watched: The same there, as a list of pairs whose values JSON can write.
        is_over: Whether the training has ended, with the best variables restored.
    """
    stopper: EarlyStopping | None = None
    done: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    watched: list[tuple[int, Any]] = dataclasses.field(default_factory=list)
    is_over: bool = False

    def pack(self) -> bytes:
        """Returns the state as a NumPy archive without pickled objects."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        best, arrays = self.stopper.state() if self.stopper else (None, [])
        packed = io.BytesIO()
        np.savez(packed, *arrays, plain=np.array(json.dumps([plain, best])))
        return packed.getvalue()

    def unpack(self, packed: bytes) -> None:
        """Restores what `pack` returned."""
        with np.load(io.BytesIO(packed)) as archive:
            plain, best = json.loads(str(archive["plain"]))
            arrays = [archive[f"arr_{number}"] for number in range(len(archive.files) - 1)]
        for name in _PLAIN:
            setattr(self, name, plain[name])
        self.watched = [tuple(pair) for pair in self.watched]
        if self.stopper:
            self.stopper.set_state(best, arrays)


_PLAIN = ("done", "seconds", "waited", "watched", "is_over")
