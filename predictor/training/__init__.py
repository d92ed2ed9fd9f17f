"""From the data set to a published model: dataset, pipeline, evaluation, export, parity, publish.

Runs on a data scientist's machine, never in the deployed function: serving does not import this package.
"""
