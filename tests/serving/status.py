"""What TensorFlow Serving answers instead of outputs: a code by its name, in both protocols."""

# The HTTP status that the REST API makes of each code.
HTTP = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}


class ServingError(Exception):
    """A request that is answered with a code and a message.

    Attributes:
        code: Its name, such as `"NOT_FOUND"`.
        message: What the server says.
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def http(self):
        """The HTTP status."""
        return HTTP[self.code]


def invalid(message):
    """The error that most bad requests get."""
    return ServingError("INVALID_ARGUMENT", message)
