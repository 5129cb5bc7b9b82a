"""Stored images that count the rows that are read."""


class Watched:
    """Bytes for `StreamedImages` that record the largest number of rows read at once."""

    def __init__(self, stored):
        self._stored, self.most, self.shape = stored, 0, stored.shape

    def __len__(self):
        return len(self._stored)

    def __getitem__(self, rows):
        read = self._stored[rows]
        self.most = max(self.most, len(read) if read.ndim == len(self.shape) else 1)
        return read
