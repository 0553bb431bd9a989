// SPDX-License-Identifier: MIT
// Invented: what schemas/update/linux.py looks for, in the kernel's style. It is never compiled.
const struct of_device_id of_default_bus_match_table[] = {
	{ .compatible = "simple-bus", },
#ifdef CONFIG_ARM_AMBA
	{ .compatible = "arm,amba-bus", },
#endif
	{}
};

static const struct of_device_id of_skipped_node_table[] = {
	{ .compatible = "acme,points", },
	{}
};

static const struct of_device_id reserved_mem_matches[] = {
	{ .compatible = "acme,log" },
	{}
};

static int of_platform_bus_create(struct device_node *bus)
{
	if (of_device_is_compatible(bus, "acme,cell"))
		of_amba_device_create(bus, NULL);
	return 0;
}

int devm_of_platform_populate(struct device *dev)
{
	return of_platform_populate(dev->of_node, NULL, NULL, dev);
}
