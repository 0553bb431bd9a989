# SPDX-License-Identifier: MIT
"""An independent check of machc's outputs. It reads guest.dtb and guest.cfg, and nothing else.

It shares no code with the compiler or the runtime. Its sources are the Devicetree Specification for device trees,
docs/guest-cfg.md for the config (with tests/tools/readcfg.py), and tests/corpus/references.inc for references.
"""
