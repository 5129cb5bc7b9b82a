"""What an auditor tells of a model whose server does not."""

import dataclasses
import pathlib

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.options import option

DTYPES = ("float32", "float64", "float16", "uint8", "int8", "uint16", "int16", "uint32", "int32",
          "uint64", "int64", "bool")


@dataclasses.dataclass(frozen=True)
class DeclaredModel:
    """What an auditor tells of a model whose server does not, or tells wrongly.

    Attributes:
        input_dtype: NumPy dtype of the inputs; None for what the server tells, or else float32.
        input_shape: Shape of one input; None for what the server tells, or else that of the data.
        class_names: File with the name of a class in each line, in the order of the data's labels
            0, 1, 2, ...; None if answers name no classes, or name them by these numbers.
        in_class_order: Whether numbers without names are in the order of the labels although there
            are names, in that file or in an answer.
    """
    input_dtype: str | None = option(
        None,
        "The dtype of the model's inputs. Default: what the server tells, or else float32.",
        name="oracle_dtype",
        choices=DTYPES)
    input_shape: tuple[int, ...] | None = option(
        None, "The shape of one input of the model, such as 28,28,1. Default: what the server "
        "tells, or else that of the data.",
        name="oracle_shape")
    class_names: str | None = option(
        None, "File with the name of a class, as the server writes it, in each line, in the order "
        "of the data's labels 0, 1, 2, ...",
        name="oracle_classes")

    in_class_order: bool = option(
        False, "States that numbers without names are in the order of the data's labels, although "
        "names of classes are given, or are elsewhere in the answer.",
        name="oracle_in_class_order")

    def __post_init__(self):
        check_boolean("in_class_order", self.in_class_order)
        if self.input_dtype is not None and self.input_dtype not in DTYPES:
            raise ValueError(f"`input_dtype` must be one of {', '.join(DTYPES)}. Received: "
                             f"{self.input_dtype!r}")
        for size in self.input_shape or ():
            check_integer("input_shape", size, least=1)
        if self.class_names is not None:
            self.names()

    def names(self) -> tuple[str, ...]:
        """Returns the names of the classes; none if there is no file.

        Raises:
            ValueError: If the file cannot be read, or does not name each class once.
        """
        if self.class_names is None:
            return ()
        try:
            text = pathlib.Path(self.class_names).expanduser().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError("`class_names` must be a text file in UTF-8. Received: "
                             f"{self.class_names}: {type(error).__name__}") from None
        names = tuple(map(str.strip, text.strip().splitlines()))
        if len(names) < 2 or "" in names or len(set(names)) < len(names):
            raise ValueError("`class_names` must have the name of another class in each line. "
                             f"Received: {self.class_names} with {len(names)} lines, "
                             f"{len(set(names) - {''})} of them different names")
        return names
