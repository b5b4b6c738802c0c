class Configs:
    def __init__(self):
        pass


configs = Configs()

# trainer related
configs.n_cpu = 0
configs.device = "cpu"
configs.seed = 5
configs.batch_size = 16
configs.lr = 0.003
configs.weight_decay = 0
configs.num_epochs = 4
configs.gradient_clipping = True
configs.clipping_threshold = 1.0
configs.gradient_loss_weight = 0.05  # 0 turns it off

# data related
configs.data_path = "../../data/uk_wfde5_hourly_2018_jun_jul.nc"
configs.variable = "Qair"
configs.input_length = 4
configs.output_length = 3
configs.frame_interval = 3  # hours
configs.sample_interval = 5

# model related
configs.hidden_dim = 8
configs.kernel_size = (3, 3)
