// SPDX-License-Identifier: MIT
// An invented driver that writes its stream id when it is started, long after its probe.
static int acme_sid_resume(struct device *dev)
{
	u32 sid;

	if (tegra_dev_iommu_get_stream_id(dev, &sid))
		writel(sid, base);
	return 0;
}

static int acme_sid_probe(struct platform_device *pdev)
{
	return 0;
}

static const struct of_device_id acme_sid_match[] = {
	{ .compatible = "acme,sid" },
	{ }
};

static struct platform_driver acme_sid_driver = {
	.probe = acme_sid_probe,
	.driver = {
		.name = "acme-sid",
		.of_match_table = acme_sid_match,
	},
};
