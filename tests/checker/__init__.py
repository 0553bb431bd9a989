# SPDX-License-Identifier: MIT
"""A second opinion on what machc wrote: it reads guest.dtb and guest.cfg, and nothing else.

It shares no code with the compiler or the runtime. What it knows of device trees is the Devicetree Specification, of
the config docs/guest-cfg.md (by tests/tools/readcfg.py), of references tests/corpus/references.inc.
"""
