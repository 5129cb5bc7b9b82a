"""The optional packages, and the extras of `setup.cfg` that bring them."""
import importlib.util

# By extra, the modules that it brings and the packages that they come from.
_SUITE = {
    "PIL": "pillow",
    "importlib_resources": "importlib_resources",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "requests": "requests",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "threadpoolctl": "threadpoolctl",
    "tqdm": "tqdm",
    "urllib3": "urllib3",
}
EXTRAS = {
    "litert": {
        "ai_edge_litert": "ai-edge-litert"
    },
    "onnx": {
        "onnx": "onnx",
        "onnxruntime": "onnxruntime",
        "tf2onnx": "tf2onnx"
    },
    "plot": {
        "matplotlib": "matplotlib"
    },
    "serving": {
        "tensorflow_serving": "tensorflow-serving-api"
    },
    "suite": _SUITE,
}


class MissingPackageError(ImportError):
    """A package of an extra is not installed."""


def lacking(extra: str) -> list[str]:
    """Returns the packages of an extra that are not installed."""
    return [
        package for module, package in EXTRAS[extra].items()
        if importlib.util.find_spec(module) is None
    ]


def require(extra: str, purpose: str) -> None:
    """Raises `MissingPackageError` unless all packages of an extra are installed.

    Args:
        extra: Key of `EXTRAS`.
        purpose: What needs them, as the beginning of the message.
    """
    if packages := lacking(extra):
        raise MissingPackageError(f"{purpose} needs {', '.join(packages)}: "
                                  f"pip install 'revsig_keras[{extra}]'")
