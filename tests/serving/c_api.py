"""A SavedModel run by TensorFlow's C API, in a process that knows nothing of its Python API."""
import atexit
import contextlib
import ctypes
from ctypes import c_char_p
from ctypes import c_int
from ctypes import c_int64
from ctypes import c_size_t
from ctypes import c_void_p
import functools
import importlib.util
import math
import pathlib
import pickle
import subprocess
import sys

import numpy as np

TYPES = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "object": 7,  # Of bytes: strings.
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "uint16": 17,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
}
NAMES = {number: name for name, number in TYPES.items()}
STRING_BYTES = 24


class Output(ctypes.Structure):
    """A `TF_Output`: a tensor of the graph."""
    _fields_ = [("operation", c_void_p), ("index", c_int)]


# What each function returns and takes.
FUNCTIONS = {
    "TF_NewStatus": (c_void_p,),
    "TF_GetCode": (c_int, c_void_p),
    "TF_Message": (c_char_p, c_void_p),
    "TF_NewGraph": (c_void_p,),
    "TF_NewSessionOptions": (c_void_p,),
    "TF_LoadSessionFromSavedModel":
        (c_void_p, c_void_p, c_void_p, c_char_p, c_void_p, c_int, c_void_p, c_void_p, c_void_p),
    "TF_GraphOperationByName": (c_void_p, c_void_p, c_char_p),
    "TF_SessionRun": (None, c_void_p, c_void_p, c_void_p, c_void_p, c_int, c_void_p, c_void_p,
                      c_int, c_void_p, c_int, c_void_p, c_void_p),
    "TF_CloseSession": (None, c_void_p, c_void_p),
    "TF_AllocateTensor": (c_void_p, c_int, c_void_p, c_int, c_size_t),
    "TF_TensorType": (c_int, c_void_p),
    "TF_NumDims": (c_int, c_void_p),
    "TF_Dim": (c_int64, c_void_p, c_int),
    "TF_TensorData": (c_void_p, c_void_p),
    "TF_TensorByteSize": (c_size_t, c_void_p),
    "TF_StringInit": (None, c_void_p),
    "TF_StringCopy": (None, c_void_p, c_char_p, c_size_t),
    "TF_StringGetDataPointer": (c_void_p, c_void_p),
    "TF_StringGetSize": (c_size_t, c_void_p),
}


def run_in_c_api(path, inputs, outputs, tags=("serve",)):
    """The arrays of some tensors, given those of others, from a process of its own.

    It is the same process for all calls, since loading the library takes a second.

    Args:
        path: The folder of the SavedModel.
        inputs: Arrays by the name of their tensor, such as `"serve_x:0"`; strings as objects.
        outputs: Names of tensors.
        tags: Those of the graph.
    """
    process = _process()
    pickle.dump((str(path), inputs, outputs, tags), process.stdin)
    process.stdin.flush()
    answers, error = pickle.load(process.stdout)
    if error:
        raise RuntimeError(error)
    return answers


@functools.cache
def _process():
    process = subprocess.Popen([sys.executable, __file__],
                               stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    atexit.register(process.communicate)  # Which closes its input, and so ends it.
    return process


def libraries():
    """The files of the installed TensorFlow, which is not imported for that."""
    folder = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent
    return [folder / f"libtensorflow_{part}.so.2" for part in ("framework", "cc")]


class Library:
    """The functions of the C API; those that take a status raise an error."""

    def __init__(self):
        *_, library = (ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL) for path in libraries())
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("TF_"), function)
        self.status = self.NewStatus()

    def check(self):
        if self.GetCode(self.status):
            raise RuntimeError(self.Message(self.status).decode())

    @contextlib.contextmanager
    def loaded(self, path, tags):
        """A session and its graph."""
        graph = self.NewGraph()
        names = (c_char_p * len(tags))(*(tag.encode() for tag in tags))
        session = self.LoadSessionFromSavedModel(self.NewSessionOptions(), None, path.encode(),
                                                 names, len(tags), graph, None, self.status)
        self.check()
        try:
            yield session, graph
        finally:
            self.CloseSession(session, self.status)

    def run(self, path, inputs, outputs, tags):
        with self.loaded(path, tags) as (session, graph):
            feeds = (Output * len(inputs))(*(self.find(graph, name) for name in inputs))
            values = (c_void_p * len(inputs))(*map(self.tensor, inputs.values()))
            fetches = (Output * len(outputs))(*(self.find(graph, name) for name in outputs))
            results = (c_void_p * len(outputs))()
            self.SessionRun(session, None, feeds, values, len(inputs), fetches, results,
                            len(outputs), None, 0, None, self.status)
            self.check()
            return [self.array(result) for result in results]

    def find(self, graph, name):
        operation, index = name.split(":")
        found = self.GraphOperationByName(graph, operation.encode())
        if not found:
            raise RuntimeError(f"There is no operation {operation}")
        return Output(found, int(index))

    def tensor(self, array):
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        number, strings = TYPES[array.dtype.name], array.dtype == object
        size = array.size * STRING_BYTES if strings else array.nbytes
        tensor = self.AllocateTensor(number, (c_int64 * array.ndim)(*array.shape), array.ndim, size)
        data = self.TensorData(tensor)
        if not strings:
            ctypes.memmove(data, array.ctypes.data, size)
        for index, value in enumerate(array.ravel() if strings else ()):
            self.StringInit(data + index * STRING_BYTES)
            self.StringCopy(data + index * STRING_BYTES, value, len(value))
        return tensor

    def array(self, tensor):
        shape = [self.Dim(tensor, axis) for axis in range(self.NumDims(tensor))]
        name, data = NAMES[self.TensorType(tensor)], self.TensorData(tensor)
        if name == "object":
            places = range(data, data + math.prod(shape) * STRING_BYTES, STRING_BYTES)
            strings = [
                ctypes.string_at(self.StringGetDataPointer(place), self.StringGetSize(place))
                for place in places
            ]
            return np.array(strings, dtype=object).reshape(shape)
        if name == "bfloat16":
            import ml_dtypes  # noqa: F401  (NumPy knows the name from then on)
        content = ctypes.string_at(data, self.TensorByteSize(tensor))
        return np.frombuffer(content, dtype=name).reshape(shape)


def main():
    """Answers one request after the other, until there are no more."""
    library = Library()
    while sys.stdin.buffer.peek(1):
        try:
            reply = library.run(*pickle.load(sys.stdin.buffer)), None
        except RuntimeError as error:
            reply = None, str(error)
        if "tensorflow" in sys.modules:
            reply = None, "Python's TensorFlow was imported"
        pickle.dump(reply, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
