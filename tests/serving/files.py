"""The files of a SavedModel: assets to build it from, and changes made by hand."""
import contextlib
import pathlib
import tempfile

from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

PB = "saved_model.pb"
PBTXT = "saved_model.pbtxt"
INDEX = "variables/variables.index"
DATA = "variables/variables.data-00000-of-00001"
WARMUP = "assets.extra/tf_serving_warmup_requests"


@contextlib.contextmanager
def asset(name, lines):
    """A text file that is gone once the model is saved, so only the model's copy can serve."""
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, name)
        file.write_text("\n".join(lines))
        yield str(file)


def read(path):
    """The protocol buffer, from either format."""
    text = pathlib.Path(path, PBTXT)
    if text.exists():
        return text_format.Parse(text.read_text(), saved_model_pb2.SavedModel())
    return saved_model_pb2.SavedModel.FromString(pathlib.Path(path, PB).read_bytes())


def set_tags(path, tags):
    """Of the only graph; `tf.saved_model.save` knows no others than "serve"."""
    model = read(path)
    graph, = model.meta_graphs
    graph.meta_info_def.tags[:] = tags
    pathlib.Path(path, PB).write_bytes(model.SerializeToString())


def to_text(path):
    """The same model as `saved_model.pbtxt`."""
    text = text_format.MessageToString(read(path))
    pathlib.Path(path, PB).unlink()
    pathlib.Path(path, PBTXT).write_text(text)


def add_warmup(path):
    """Requests are not the model's business: any bytes do."""
    file = pathlib.Path(path, WARMUP)
    file.parent.mkdir()
    file.write_bytes(b"\x0a\x00requests")


def truncate(file):
    """To the first half."""
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
