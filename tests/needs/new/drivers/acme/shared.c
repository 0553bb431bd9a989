// SPDX-License-Identifier: MIT
// A function of another file, with the name in an argument; one whose error its caller ignores; a parent that is asked; a
// driver of an AMBA device; a second driver for a compatible string.
static int acme_shared_irq(struct platform_device *pdev, const char *name)
{
	int irq = platform_get_irq_byname(pdev, name);

	return irq < 0 ? irq : 0;
}

int acme_shared_setup(struct platform_device *pdev, const char *name)
{
	int ret;

	ret = acme_shared_irq(pdev, name);
	if (ret)
		return ret;
	return 0;
}

static int acme_lenient_probe(struct platform_device *pdev)
{
	if (acme_shared_irq(pdev, "spare"))
		dev_info(&pdev->dev, "without its interrupt\n");
	return 0;
}

static int acme_child_probe(struct platform_device *pdev)
{
	struct acme *acme = dev_get_drvdata(pdev->dev.parent);

	return acme ? 0 : -ENODEV;
}

static int acme_cell_probe(struct amba_device *adev, const struct amba_id *id)
{
	struct clk *clk = devm_clk_get(&adev->dev, NULL);

	return PTR_ERR_OR_ZERO(clk);
}

static int acme_second_probe(struct platform_device *pdev)
{
	int irq = platform_get_irq(pdev, 0);

	if (irq < 0)
		return irq;
	return PTR_ERR_OR_ZERO(devm_clk_get(&pdev->dev, "other"));
}

static const struct of_device_id acme_lenient_match[] = { { .compatible = "acme,lenient" }, { } };
static struct platform_driver acme_lenient_driver = {
	.probe = acme_lenient_probe, .driver = { .of_match_table = acme_lenient_match },
};
static const struct of_device_id acme_child_match[] = { { .compatible = "acme,child" }, { .compatible = "acme,stray" }, { } };
static struct platform_driver acme_child_driver = {
	.probe = acme_child_probe, .driver = { .of_match_table = acme_child_match },
};
static const struct of_device_id acme_second_match[] = { { .compatible = "acme,frequency" }, { } };
static struct platform_driver acme_second_driver = {
	.probe = acme_second_probe, .driver = { .of_match_table = acme_second_match },
};
static struct amba_driver acme_cell_driver = {
	.drv = { .name = "uart-pl011" },
	.probe = acme_cell_probe,
};
