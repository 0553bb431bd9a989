// SPDX-License-Identifier: MIT
static int acme_make(struct device *dev)
{
	return of_platform_default_populate(dev->of_node, NULL, dev);
}

int
acme_lib_probe(struct platform_device *pdev)
{
	return acme_make(&pdev->dev);
}
EXPORT_SYMBOL_GPL(acme_lib_probe);

int __acme_register(struct device *dev)
{
	return devm_of_platform_populate(dev);
}
EXPORT_SYMBOL_GPL(__acme_register);
