"""The form of requests and answers in JSON of any kind."""

import dataclasses
import re

from attacks.endpoint.settings.secret import Secret
from revsig_keras.options import option

ROW_FORMS = ("nested", "flat", "png", "jpeg")
# A string of JSON that stands for a secret.
_REFERENCE = re.compile(r'(?<!\\)"\$((?:env|file):[^"\\]+)"')


def _one_line(text):
    """A flagfile has a line for each flag; JSON and JMESPath break lines between tokens only."""
    return " ".join(re.split("\r\n|\r|\n", text)).strip()


@dataclasses.dataclass(frozen=True)
class JsonForm:
    """The form of requests and answers in JSON of any kind.

    Attributes:
        request: JSON with `$ROW` in place of one row, or `$ROWS` in place of a list of them. A
            string such as `"$env:NAME"` or `"$file:PATH"` stands for a secret.
        scores: The JMESPath that leads to the scores in an answer.
        rows: How a row is written: `nested` or `flat` lists of numbers, or a `png` or `jpeg` image
            in base64.
    """
    request: str | None = option(
        None, "JSON of a request of json+http://, with $ROW in place of one row or $ROWS in place "
        "of a list of rows, as in {\"image\": $ROW}. A string \"$env:NAME\" or \"$file:PATH\" in "
        "it is sent as the secret that is there.",
        name="oracle_request",
        kind=str,
        parse=_one_line)
    scores: str | None = option(
        None, "JMESPath (jmespath.org) to the scores in the JSON of an answer: numbers in class "
        "order, a map from names to scores, pairs of a name and a score, all or the best ones, or "
        "a name alone, as in result.all[].[name, percent].",
        name="oracle_scores",
        parse=_one_line)
    rows: str = option("nested",
                       "How json+http:// writes a row: lists of numbers, nested or flat, or an "
                       "image in base64 (png; jpeg is lossy).",
                       name="oracle_rows",
                       choices=ROW_FORMS)

    def __post_init__(self):
        if self.rows not in ROW_FORMS:
            raise ValueError(f"`rows` must be one of {', '.join(ROW_FORMS)}. Received: "
                             f"{self.rows!r}")

    def secret_strings(self) -> dict[str, str]:
        """Returns the secrets by the strings, quoted, that stand for them in the request.

        They must not be written anywhere.

        Raises:
            ValueError: If a secret cannot be read.
        """
        return {
            f'"${source}"': Secret(source).read()
            for source in _REFERENCE.findall(self.request or "")
        }
