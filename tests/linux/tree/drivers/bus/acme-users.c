// SPDX-License-Identifier: MIT
#define ACME_NAME "acme-by-name"
#define ACME(_c) { .compatible = _c }

static const struct of_device_id acme_lib_match[] = {
	ACME("acme,by-macro"),
	{ .compatible = ACME_NAME, },
	{ }
};

static struct platform_driver acme_lib_driver = {
	.probe = acme_lib_probe,
	.driver = { .name = "acme-lib", .of_match_table = of_match_ptr(acme_lib_match), },
};
module_platform_driver(acme_lib_driver);

/* Only a remark: of_platform_populate(). */
static int acme_plain_probe(struct platform_device *pdev)
{
	return 0;
}

static int acme_wide_init(struct device *dev)
{
	return acme_register(dev);
}

static const struct acme_ops wide = {
	.init = acme_wide_init, };

static const struct acme_ops narrow = { .init = NULL };

static const struct of_device_id acme_plain_match[] = {
	{ .compatible = "acme,narrow", .data = &narrow },
	{ .compatible = "acme,wide", .data = &wide },
	{ }
};

static struct platform_driver acme_plain_driver = {
	.probe = acme_plain_probe,
	.driver = {
		.name = "acme-plain",
		.of_match_table = acme_plain_match,
		.suppress_bind_attrs = IS_BUILTIN(CONFIG_ACME_PLAIN),
	},
};
