// SPDX-License-Identifier: MIT
static const struct of_device_id acme_fixed_match[] = {
	{ .compatible = "acme,fixed" },
	{ }
};

static struct platform_driver acme_fixed_driver = {
	.driver = { .name = "acme-fixed", .of_match_table = acme_fixed_match, },
};
module_platform_driver_probe(acme_fixed_driver, acme_fixed_probe);

static const struct of_device_id acme_loose_match[] = {
	{ .compatible = "acme,loose" },
	{ }
};

static struct platform_driver acme_loose_driver = {
	.driver = { .name = "acme-loose", .of_match_table = acme_loose_match, },
};
module_platform_driver(acme_loose_driver);

static struct amba_driver acme_pl011_driver = {
	.drv = { .name = "uart-pl011", .suppress_bind_attrs = IS_BUILTIN(CONFIG_ACME_PL011), },
};
