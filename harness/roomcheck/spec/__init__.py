"""YAML -> Spec -> Contract, every problem at once with file:line:column; lint; the state diagram.

The only layer that knows YAML. It gets text and gives values; it never opens a file.
"""
