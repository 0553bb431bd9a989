# SPDX-License-Identifier: MIT
"""The calls with which Linux's drivers ask for what a node refers to, and how each tells that the property is not there."""

import functools
import re


class Call:
    """`fails` is what the call gives without the property: err (ERR_PTR), null, neg (a negative number), zero, or None if it
    does without. `code` is the error. `name` and `node` count the arguments that are the entry's name, and the device or
    node; `bulk` the one that is a table of names. `prop` is a property, or a function that makes one of the name."""

    def __init__(self, prop, fails, code=None, name=None, node=0, bulk=None):
        self.prop, self.fails, self.code, self.name, self.node, self.bulk = prop, fails, code, name, node, bulk


def gpios(name):
    return f"{name}-gpios" if name else "gpios"


def supply(name):
    return f"{name}-supply" if name else None


def itself(name):
    return name


# (pattern of the call's whole name, what it is); the first that matches counts.
FAMILIES = [(re.compile(pattern + r"\Z"), call) for pattern, call in [
    (r"(devm_)?clk_get_optional\w*", Call("clocks", "null", name=1)),
    (r"(devm_)?clk_bulk_get_optional\w*", Call("clocks", None)),
    (r"(devm_)?clk_bulk_get_all\w*", Call("clocks", "zero")),
    (r"(devm_)?clk_bulk_get\w*", Call("clocks", "neg", "ENOENT", bulk=2)),
    (r"devm_clk_get\w*|clk_get", Call("clocks", "err", "ENOENT", name=1)),
    (r"of_clk_get_by_name", Call("clocks", "err", "ENOENT", name=1)),
    (r"of_clk_get", Call("clocks", "err", "ENOENT")),
    (r"devm_get_clk_from_child", Call("clocks", "err", "ENOENT", name=2, node=1)),
    (r"(devm_)?of_clk_get_parent_count|of_clk_get_parent_count", Call("clocks", "zero")),
    (r"of_clk_get_parent_name", Call("clocks", "null")),
    (r"(devm_pm|dev_pm)_opp_set_clkname", Call("clocks", "neg", "ENOENT", name=1)),
    (r"platform_get_irq_byname(_optional)?", Call("interrupts", "neg", "ENXIO", name=1)),
    (r"platform_get_irq(_optional)?", Call("interrupts", "neg", "ENXIO")),
    (r"of_irq_get_byname|fwnode_irq_get_byname", Call("interrupts", "neg", "EINVAL", name=1)),
    (r"of_irq_get|fwnode_irq_get", Call("interrupts", "neg", "EINVAL")),
    (r"irq_of_parse_and_map|of_irq_count|of_irq_to_resource_table", Call("interrupts", "zero")),
    (r"platform_irq_count", Call("interrupts", "zero")),
    (r"of_irq_parse_one|of_irq_to_resource", Call("interrupts", "neg", "EINVAL")),
    (r"(devm_)?reset_control_bulk_get_optional\w*|device_reset_optional", Call("resets", None)),
    (r"\w*reset_control\w*_get\w*_optional\w*", Call("resets", "null")),
    (r"(devm_)?reset_control_bulk_get\w*", Call("resets", "neg", "ENOENT", bulk=2)),
    (r"(devm_|of_)?reset_control_array_get\w*", Call("resets", "err", "ENOENT")),
    (r"devm_reset_control_get\w*_by_index|of_reset_control_get\w*_by_index|\w*reset_control_get_by_index",
     Call("resets", "err", "ENOENT")),
    (r"(devm_|of_)?reset_control_get\w*", Call("resets", "err", "ENOENT", name=1)),
    (r"device_reset", Call("resets", "neg", "ENOENT")),
    (r"devm_(of_)?phy_optional_get|phy_optional_get|devm_of_phy_optional_get", Call("phys", "null")),
    (r"devm_of_phy_get_by_index", Call("phys", "err", "ENODEV", node=1)),
    (r"devm_of_phy_get", Call("phys", "err", "ENODEV", name=2, node=1)),
    (r"(devm_|of_)?phy_get", Call("phys", "err", "ENODEV", name=1)),
    (r"devm_usb_get_phy_by_phandle", Call(itself, "err", "ENODEV", name=1)),
    (r"(devm_)?dma_request_chan|dma_request_slave_channel_reason|of_dma_request_slave_channel",
     Call("dmas", "err", "ENODEV", name=1)),
    (r"dma_request_slave_channel", Call("dmas", "null", name=1)),
    (r"(devm_)?gpiod_get\w*_optional", Call(gpios, "null", name=1)),
    (r"(devm_)?gpiod_get(_index|_array)?", Call(gpios, "err", "ENOENT", name=1)),
    (r"gpiod_count", Call(gpios, "neg", "ENOENT", name=1)),
    (r"of_get_named_gpio(_flags)?|of_gpio_named_count", Call(itself, "neg", "ENOENT", name=1)),
    (r"of_get_gpio(_flags)?|of_gpio_count", Call("gpios", "neg", "ENOENT")),
    (r"mbox_request_channel_byname", Call("mboxes", "err", "EINVAL", name=1)),
    (r"mbox_request_channel", Call("mboxes", "err", "ENODEV")),
    (r"(devm_)?pwm_get", Call("pwms", "err", "ENODEV", name=1)),
    (r"of_pwm_get|devm_of_pwm_get", Call("pwms", "err", "ENODEV")),
    (r"(devm_)?iio_channel_get", Call("io-channels", "err", "ENODEV", name=1)),
    (r"(devm_)?iio_channel_get_all", Call("io-channels", "err", "ENODEV")),
    (r"(devm_|of_)?nvmem_cell_get", Call("nvmem-cells", "err", "ENOENT", name=1)),
    (r"nvmem_cell_read_\w+", Call("nvmem-cells", "neg", "ENOENT", name=1)),
    (r"(devm_|of_)?nvmem_device_get", Call("nvmem", "err", "ENOENT", name=1)),
    (r"dev_pm_domain_attach_by_name", Call("power-domains", "null", name=1)),
    (r"(devm_|dev_)pm_domain_attach_list", Call("power-domains", "neg", "ENODEV", bulk=1)),
    (r"(devm_)?regulator_get_exclusive|(devm_)?regulator_get_optional", Call(supply, "err", "ENODEV", name=1)),
    (r"devm_regulator_get_enable_read_voltage|devm_regulator_get_enable_optional", Call(supply, "neg", "ENODEV", name=1)),
    (r"of_reserved_mem_device_init(_by_idx)?", Call("memory-region", "neg", "ENODEV")),
    (r"syscon_regmap_lookup_by_phandle_optional", Call(itself, "null", name=1)),
    (r"syscon_regmap_lookup_by_phandle(_args)?|altr_sysmgr_regmap_lookup_by_phandle", Call(itself, "err", "ENODEV", name=1)),
    (r"of_parse_phandle", Call(itself, "null", name=1)),
    (r"of_parse_phandle_with_(optional_)?args|of_parse_phandle_with_fixed_args|of_count_phandle_with_args",
     Call(itself, "neg", "ENOENT", name=1)),
    (r"fwnode_find_reference", Call(itself, "err", "ENOENT", name=1)),
    (r"fwnode_property_get_reference_args|device_property_get_reference_args", Call(itself, "neg", "ENOENT", name=1)),
    (r"(devm_)?qcom_smem_state_get", Call("qcom,smem-states", "err", "ENODATA", name=1)),
    (r"of_hwspin_lock_get_id", Call("hwlocks", "neg", "ENOENT")),
    (r"extcon_get_edev_by_phandle", Call("extcon", "err", "ENODEV")),
    (r"devfreq_event_get_edev_by_phandle", Call(itself, "err", "ENODEV", name=1)),
    (r"(devm_pm|dev_pm)_opp_of_add_table", Call("operating-points-v2", "neg", "ENODEV")),
]]

# What a call gives for an argument that is not there: (function, what the argument is) to what comes out.
PASSES = {
    "syscon_node_to_regmap": "err", "device_node_to_regmap": "err", "of_find_device_by_node": "null", "of_iomap": "null",
    "devm_of_iomap": "err", "of_address_to_resource": "neg", "of_find_i2c_adapter_by_node": "null",
    "of_get_i2c_adapter_by_node": "null", "of_find_mipi_dsi_host_by_node": "null", "of_find_backlight_by_node": "null",
    "of_drm_find_bridge": "null", "of_drm_find_panel": "err", "of_phy_find_device": "null", "of_find_spi_device_by_node": "null",
    "of_reserved_mem_lookup": "null", "of_find_net_device_by_node": "null",
    # A negative or missing number of an interrupt is refused.
    "request_irq": "neg", "devm_request_irq": "neg", "request_threaded_irq": "neg", "devm_request_threaded_irq": "neg",
    "devm_request_any_context_irq": "neg", "gpio_is_valid": "zero", "gpio_request": "neg", "devm_gpio_request": "neg",
    "devm_gpio_request_one": "neg", "gpio_request_one": "neg", "gpio_to_desc": "null",
}

# Calls that ask whether a property is there: the argument that is its name.
PRESENCE = {
    "of_property_present": 1, "of_property_read_bool": 1, "of_find_property": 1, "of_get_property": 1,
    "device_property_present": 1, "device_property_read_bool": 1, "fwnode_property_present": 1, "of_property_count_strings": 1,
    "of_count_phandle_with_args": 1, "of_property_match_string": 1, "device_property_match_string": 1,
    "of_parse_phandle": 1, "of_property_count_elems_of_size": 1, "of_property_count_u32_elems": 1, "of_gpio_named_count": 1,
    "of_property_read_string_helper": 1,
}

NAMES = {"clocks": "clock-names", "interrupts": "interrupt-names", "resets": "reset-names", "phys": "phy-names",
         "dmas": "dma-names", "mboxes": "mbox-names", "pwms": "pwm-names", "io-channels": "io-channel-names",
         "nvmem-cells": "nvmem-cell-names", "power-domains": "power-domain-names", "qcom,smem-states": "qcom,smem-state-names",
         "memory-region": "memory-region-names", "hwlocks": "hwlock-names"}


@functools.lru_cache(maxsize=65536)
def find(name):
    """The Call of that name, or None."""
    for pattern, call in FAMILIES:
        if pattern.match(name):
            return call
    return None
