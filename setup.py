"""All metadata but the long description stand in setup.cfg.

A package index shows the README without the files beside it, so that relative links would lead
nowhere: there they are plain text, and figures are left out. Nor is an address of the repository
made up.
"""
import pathlib
import re

import setuptools

_RELATIVE_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)[^)]*\)")


def long_description():
    """Returns the README as a package index shows it."""
    readme = pathlib.Path(__file__).with_name("README.md").read_text("utf-8")
    return _RELATIVE_LINK.sub(lambda link: "" if link[1] else link[2], readme)


setuptools.setup(long_description=long_description())
