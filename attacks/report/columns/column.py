"""A column of a table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name, which is part of the file's format.
        sentence: What it holds.
        unit: The unit of a number. Defaults to none.
        better: Which values are better for the owner of the victim: `lower`, `higher`, or neither
            (the default).
        title: A short form for figures and the heads of tables.
        path: Where the record of a cell holds the value. Defaults to nowhere: it is derived.
        origin: What the values are, in the plural, if they say what a cell was made with: figures
            of different origins are not compared without a word. Defaults to nothing.
    """
    name: str
    sentence: str
    unit: str = ""
    better: str = ""
    title: str = ""
    path: tuple[str, ...] = ()
    origin: str = ""

    @property
    def head(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name
