"""All metadata stand in setup.cfg."""
import setuptools

setuptools.setup()
