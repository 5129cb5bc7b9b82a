"""Functions of a model that are compiled once and live as long as the model."""
from collections.abc import Callable
import functools
from typing import Any
import weakref

import keras


def once_per_model(compile_for: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a function that compiles something for a model, so that each result is kept.

    Args:
        compile_for: A function `compile_for(model, *key)`, the key hashable. It receives a weak
            proxy of the model, so that what it returns does not keep the model alive.

    Returns:
        A function of the same arguments that compiles once per model and key.
    """
    compiled = weakref.WeakKeyDictionary()

    @functools.wraps(compile_for)
    def find(model: keras.Model, *key: Any) -> Any:
        results = compiled.setdefault(model, {})
        if key not in results:
            results[key] = compile_for(weakref.proxy(model), *key)
        return results[key]

    return find
